import { Command, CommanderError } from 'commander';
import { FAULTS, WavspoolError, faultCode, messageOf } from '../faults.ts';
import { auditCommand } from './commands/audit.ts';
import { configCommands } from './commands/config.ts';
import { doctorCommand } from './commands/doctor.ts';
import { exportCommand } from './commands/export.ts';
import { failedCommands } from './commands/failed.ts';
import { ingestCommand } from './commands/ingest.ts';
import { mirrorCommand } from './commands/mirror.ts';
import { pauseCommands } from './commands/pause.ts';
import { rescanCommand } from './commands/rescan.ts';
import { restoreCommand } from './commands/restore.ts';
import { rotateCommand } from './commands/rotate.ts';
import { runCommands } from './commands/run.ts';
import { snapshotCommands } from './commands/snapshot.ts';
import { statusCommand } from './commands/status.ts';
import { traceCommand } from './commands/trace.ts';
import { printError, printJson } from './output.ts';

/** What a command ends with: the process's exit code. */
export type ExitCode = 0 | 1 | 2 | 3;

/** Runs one command and ends the process with its exit code: 0 done, 1 something is wrong, 2 usage or settings, 3 a service is missing. */
export async function main(args: readonly string[]): Promise<void> {
  const program = new Command('wavspool')
    .description(
      'Call recordings from tars that land over SFTP into S3-compatible storage, with proof that nothing was lost',
    )
    .option('--config <file>', 'the settings file')
    .option('--json', 'one JSON document on stdout')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  runCommands(program);
  ingestCommand(program);
  statusCommand(program);
  failedCommands(program);
  pauseCommands(program);
  traceCommand(program);
  rescanCommand(program);
  auditCommand(program);
  snapshotCommands(program);
  restoreCommand(program);
  exportCommand(program);
  mirrorCommand(program);
  rotateCommand(program);
  configCommands(program);
  doctorCommand(program);
  for (const command of program.commands) takeGlobalOptions(command);

  try {
    await program.parseAsync([...args], { from: 'user' });
    process.exit(process.exitCode ?? 0);
  } catch (error) {
    process.exit(explain(error, args.includes('--json')));
  }
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
