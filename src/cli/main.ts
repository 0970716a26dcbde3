import { CommanderError } from 'commander';
import { FAULTS, WavspoolError, faultCode, messageOf } from '../domain/faults.ts';
import { printError, printJson } from './output.ts';
import { commandIn, loadProgram, outlinedProgram, wordsOf } from './program.ts';
import { ofProcess, within, type ExitCode, type Surroundings } from './surroundings.ts';

/** Runs one command and ends the process with its exit code. */
export async function main(args: readonly string[]): Promise<void> {
  // a command that has something to leave in order listens by itself
  process.once('SIGINT', () => {
    if (process.listenerCount('SIGINT') === 0) process.exit(FAULTS.INTERRUPTED.exit);
  });
  const code = await runCommand(args, ofProcess());
  await Promise.all([written(process.stdout), written(process.stderr)]);
  process.exit(code);
}

/** Resolves once all that was written has left this process: a pipe takes 64 KiB at once, and the end of the process drops the rest. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    // its reader may be gone, and reads nothing more: that is no fault of the command
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}

/**
 * Runs one command to its end and returns its exit code: 0 done, 1 something is wrong, 2 usage or settings, 3 a service is missing,
 * 130 interrupted. It writes where the surroundings say and leaves the process alone, except `work`, whose roles end it.
 */
export async function runCommand(line: readonly string[], surroundings: Surroundings): Promise<number> {
  const args = asCommand(line);
  let explained: number | undefined;
  const ended: ExitCode = await within(surroundings, async () => {
    try {
      const program = commandIn(args) === undefined ? outlinedProgram() : await loadProgram(args);
      await program.parseAsync([...args], { from: 'user' });
    } catch (error) {
      explained = explain(error, args.includes('--json'), commandIn(args));
    }
  });
  return explained ?? ended;
}

const HELP_FLAGS = ['--help', '-h'];

/**
 * `--version` asks for what the command `version` says, `help COMMAND` for what `COMMAND --help` does: the one command is loaded then. A word
 * that is no command is told as that, also where its help is asked for.
 */
function asCommand(line: readonly string[]): readonly string[] {
  const [first = ''] = wordsOf(line);
  const isHelp = first === 'help';
  const at = line.findIndex((arg, i) => arg === first && line[i - 1] !== '--config');
  const asked = isHelp ? line.toSpliced(at, 1) : line;
  const command = commandIn(asked);
  if (command !== undefined) return isHelp ? [...asked, '--help'] : line;
  if (wordsOf(asked).length > 0) return asked.filter((arg) => !HELP_FLAGS.includes(arg));
  return line.includes('--version') ? ['version', ...line.filter((arg) => arg !== '--version')] : line;
}

function explain(error: unknown, json: boolean, command: string | undefined): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // commander has said on stderr what is wrong
    const { cause, exit } = FAULTS.USAGE;
    const remedy = `see "wavspool ${command === undefined ? '' : `${command} `}--help"`;
    if (json) printJson({ error: error.message.replace(/^error: /, ''), code: 'USAGE', cause, remedy });
    return exit;
  }
  const code = faultCode(error);
  const { exit, cause } = FAULTS[code];
  const remedy =
    code === 'USAGE' && command !== undefined ? `see "wavspool ${command} --help"` : FAULTS[code].remedy;
  if (json) printJson({ error: messageOf(error), code, cause, remedy });
  printError(`wavspool: ${messageOf(error)}\n${remedy}`);
  if (!(error instanceof WavspoolError) && error instanceof Error) printError(error.stack ?? '');
  return exit;
}
