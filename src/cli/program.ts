import { Command } from 'commander';
import { HELP, helpText } from './help.ts';
import { OUTLINE } from './outline.ts';
import { printError } from './output.ts';
import { surroundings } from './surroundings.ts';

/** Commands by what they are called, each with what it takes to offer it. */
const COMMANDS: readonly {
  readonly names: readonly string[];
  readonly load: () => Promise<(program: Command) => void>;
}[] = [
  { names: ['up'], load: async () => (await import('./commands/up.ts')).upCommand },
  { names: ['work'], load: async () => (await import('./commands/work.ts')).workCommand },
  { names: ['ingest'], load: async () => (await import('./commands/ingest.ts')).ingestCommand },
  { names: ['status'], load: async () => (await import('./commands/status.ts')).statusCommand },
  { names: ['failed', 'requeue'], load: async () => (await import('./commands/failed.ts')).failedCommands },
  {
    names: ['pause', 'resume', 'drain'],
    load: async () => (await import('./commands/pause.ts')).pauseCommands,
  },
  { names: ['landing'], load: async () => (await import('./commands/landing.ts')).landingCommand },
  { names: ['fetch'], load: async () => (await import('./commands/fetch.ts')).fetchCommand },
  { names: ['trace'], load: async () => (await import('./commands/trace.ts')).traceCommand },
  { names: ['rescan'], load: async () => (await import('./commands/rescan.ts')).rescanCommand },
  { names: ['audit'], load: async () => (await import('./commands/audit.ts')).auditCommand },
  {
    names: ['snapshot', 'snapshots'],
    load: async () => (await import('./commands/snapshot.ts')).snapshotCommands,
  },
  { names: ['restore'], load: async () => (await import('./commands/restore.ts')).restoreCommand },
  { names: ['export'], load: async () => (await import('./commands/export.ts')).exportCommand },
  { names: ['mirror'], load: async () => (await import('./commands/mirror.ts')).mirrorCommand },
  { names: ['rotate'], load: async () => (await import('./commands/rotate.ts')).rotateCommand },
  { names: ['state'], load: async () => (await import('./commands/state.ts')).stateCommands },
  { names: ['config'], load: async () => (await import('./commands/config.ts')).configCommands },
  { names: ['alerts'], load: async () => (await import('./commands/alerts.ts')).alertsCommands },
  { names: ['init'], load: async () => (await import('./commands/init.ts')).initCommand },
  { names: ['version'], load: async () => (await import('./commands/version.ts')).versionCommand },
  {
    names: ['completion'],
    load: async () => {
      const { completionCommand } = await import('./commands/completion.ts');
      return (program) => completionCommand(program, () => loadProgram([]));
    },
  },
  { names: ['doctor'], load: async () => (await import('./commands/doctor.ts')).doctorCommand },
];

const CONFIG = 'the settings file';
const JSON_OUT = 'one JSON document on stdout, nothing else there';

/** The command line as `args` need it: with the command that they name, else with all of them. */
export async function loadProgram(args: readonly string[]): Promise<Command> {
  const program = emptyProgram();
  for (const { load } of asked(args)) (await load())(program);
  for (const command of program.commands) complete(command, command.name());
  return program;
}

/** The command line for who names no command: all of them, each in its one line, and none can be run. It loads none of them. */
export function outlinedProgram(): Command {
  const program = emptyProgram();
  for (const [name, after, summary] of OUTLINE) program.command(`${name} ${after}`).description(summary);
  return program;
}

/** What of a command line is no option: the command that it names, and what that takes. */
export function wordsOf(args: readonly string[]): readonly string[] {
  return args.filter((arg, i) => !arg.startsWith('-') && args[i - 1] !== '--config');
}

function emptyProgram(): Command {
  return new Command('wavspool')
    .description(
      'Call recordings from tars that land over SFTP into S3-compatible storage, with proof that nothing was lost',
    )
    .option('--config <file>', CONFIG)
    .option('--json', JSON_OUT)
    .option('--version', 'as the command "version"')
    .addHelpText('after', '\n"wavspool COMMAND --help" has its options, examples and exit codes.')
    .showHelpAfterError('see "wavspool --help"')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void surroundings().stdout.write(text),
      writeErr: (text) => printError(text.trimEnd()),
    });
}

/** The command that a command line names; undefined where it names none that there is. */
export function commandIn(args: readonly string[]): string | undefined {
  const [name] = wordsOf(args);
  return COMMANDS.some(({ names }) => name !== undefined && names.includes(name)) ? name : undefined;
}

/** The commands to load: the one that is named, for each needs much that the others do not; else all of them. */
function asked(args: readonly string[]): typeof COMMANDS {
  const name = commandIn(args);
  return name === undefined ? COMMANDS : COMMANDS.filter(({ names }) => names.includes(name));
}

/** `--config` and `--json` are taken before the command and behind it; its examples and exit codes stand below its options. */
function complete(command: Command, name: string): void {
  if (command.commands.length === 0) {
    command.option('--config <file>', CONFIG).option('--json', JSON_OUT);
    const help = HELP[name];
    if (help !== undefined) command.addHelpText('after', helpText(help));
  }
  command.exitOverride().showHelpAfterError(`see "wavspool ${name} --help"`);
  for (const sub of command.commands) complete(sub, `${name} ${sub.name()}`);
}
