import { Command, CommanderError } from 'commander';
import { FAULTS, WavspoolError, faultCode, messageOf } from '../faults.ts';
import { printError, printJson } from './output.ts';

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
  { names: ['config'], load: async () => (await import('./commands/config.ts')).configCommands },
  { names: ['doctor'], load: async () => (await import('./commands/doctor.ts')).doctorCommand },
];

/** What a command ends with: the process's exit code. */
export type ExitCode = 0 | 1 | 2 | 3 | 130;

/** Runs one command and ends the process with its exit code: 0 done, 1 something is wrong, 2 usage or settings, 3 a service is missing, 130 interrupted. */
export async function main(args: readonly string[]): Promise<void> {
  const program = new Command('wavspool')
    .description(
      'Call recordings from tars that land over SFTP into S3-compatible storage, with proof that nothing was lost',
    )
    .option('--config <file>', 'the settings file')
    .option('--json', 'one JSON document on stdout')
    .exitOverride()
    .configureOutput({ writeErr: (text) => printError(text.trimEnd()) })
    .configureHelp({ showGlobalOptions: true });
  for (const { load } of asked(args)) (await load())(program);
  for (const command of program.commands) takeGlobalOptions(command);

  // a command that has something to leave in order listens by itself
  process.once('SIGINT', () => {
    if (process.listenerCount('SIGINT') === 0) process.exit(FAULTS.INTERRUPTED.exit);
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    process.exit(process.exitCode ?? 0);
  } catch (error) {
    process.exit(explain(error, args.includes('--json')));
  }
}

/** The commands to load: the one that is named, for each needs much that the others do not; else all of them. */
function asked(args: readonly string[]): typeof COMMANDS {
  const name = args.find((arg, i) => !arg.startsWith('-') && args[i - 1] !== '--config');
  const named = COMMANDS.filter(({ names }) => name !== undefined && names.includes(name));
  return named.length > 0 ? named : COMMANDS;
}

/** `--config` and `--json` are taken before the command and behind it. */
function takeGlobalOptions(command: Command): void {
  if (command.commands.length === 0) {
    command.option('--config <file>', 'the settings file').option('--json', 'one JSON document on stdout');
  }
  command.exitOverride();
  for (const sub of command.commands) takeGlobalOptions(sub);
}

function explain(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has said what is wrong
  const code = faultCode(error);
  const { remedy, exit, cause } = FAULTS[code];
  if (json) printJson({ error: messageOf(error), code, cause, remedy });
  printError(`wavspool: ${messageOf(error)}\n${remedy}`);
  if (!(error instanceof WavspoolError) && error instanceof Error) printError(error.stack ?? '');
  return exit;
}
