import type { Command } from 'commander';
import {
  adoptBackups,
  backupPage,
  confirmBackups,
  listBackups,
  pruneBackups,
  takeSnapshots,
  verifyBackups,
  type Backup,
} from '../../maintenance/catalogue/index.ts';
import { isoTime, roundedSize } from '../../platform/runtime/index.ts';
import { printError, printJson, printLines, printTable, statusLine, verdictLine } from '../output.ts';
import { localTime } from '../times.ts';
import { withHost } from '../with-app.ts';

interface SnapshotFlags {
  readonly event?: string;
  readonly label?: string;
}

/** `snapshot`, and `snapshots` with its list, verify, adopt, confirm and prune. */
export function snapshotCommands(program: Command): void {
  snapshotCommand(program);
  const snapshots = program.command('snapshots').description('the snapshots there are');
  listCommand(snapshots);
  verifyCommand(snapshots);
  adoptCommand(snapshots);
  confirmCommand(snapshots);
  pruneCommand(snapshots);
}

function snapshotCommand(program: Command): void {
  program
    .command('snapshot <database>')
    .description(
      'take a snapshot now; prints its path, exit 1 if it is in doubt or could not be brought offsite',
    )
    .option('--event <name>', 'take those that the settings bind to this event')
    .option('--label <text>', 'what {label} stands for in the file name')
    .action((database: string, flags: SnapshotFlags, command: Command) =>
      withHost(command, async (host, { json }, signal) => {
        const by = flags.event === undefined ? 'hand' : 'event';
        const snapshots = await takeSnapshots(host, { database, ...flags }, by, signal);
        if (json) printJson({ snapshots });
        else printLines(snapshots.map(({ path }) => path));
        const failed = snapshots.flatMap(({ path, offsite, doubt }) => [
          ...(doubt === undefined
            ? []
            : [`${path} is in doubt: ${doubt}; until "snapshots confirm" nothing goes`]),
          ...(offsite !== undefined && 'error' in offsite
            ? [`${path} is not offsite yet: ${offsite.error}`]
            : []),
        ]);
        if (!json) failed.forEach(printError);
        return failed.length === 0 ? 0 : 1;
      }),
    );
}

function listCommand(snapshots: Command): void {
  snapshots
    .command('list [database]')
    .description(
      'every copy that is kept, on disk and offsite, the newest first; exit 1 if the bucket could not be listed',
    )
    .action((database: string | undefined, _flags: object, command: Command) =>
      withHost(command, async (host, { json }, signal) => {
        const { snapshots: found, unlisted } = await listBackups(host, database, signal);
        for (const why of unlisted) printError(`not listed: ${why}`);
        if (json) printJson({ ...backupPage(found), unlisted });
        else
          printTable(
            ['of', 'schedule', 'taken', 'size', 'apparent', 'verified', 'path'],
            found.map((backup) => [
              ofWhat(backup),
              'schedule' in backup ? backup.schedule : backup.kind,
              takenAt(backup, host.timezone),
              roundedSize(backup.bytes),
              backup.kind === 'mirror' ? roundedSize(backup.apparentBytes ?? 0) : '',
              standing(backup),
              backup.path,
            ]),
          );
        return unlisted.length === 0 ? 0 : 1;
      }),
    );
}

function verifyCommand(snapshots: Command): void {
  snapshots
    .command('verify [database]')
    .description('read every snapshot and mirror on disk as a restore would; exit 1 if one is bad')
    .action((database: string | undefined, _flags: object, command: Command) =>
      withHost(command, async (host, { json }, signal) => {
        const progress = statusLine();
        const verdicts = [];
        for await (const verdict of verifyBackups(host, database, signal)) {
          progress.clear();
          verdicts.push(verdict);
          if (!json) printLines([verdictLine(verdict.path, verdict)]);
          progress.show(`${verdicts.length} read`);
        }
        progress.clear();
        if (json) printJson({ snapshots: verdicts });
        else if (verdicts.length === 0) printLines(['there are none on disk']);
        return verdicts.every(({ ok }) => ok) ? 0 : 1;
      }),
    );
}

function adoptCommand(snapshots: Command): void {
  snapshots
    .command('adopt <name>')
    .description(
      'take over copies that no record names, of older wavspools and of scripts; says what it takes for what, exit 1 if one stays',
    )
    .option('--schedule <name>', 'only for this schedule of the database')
    .option('--dry-run', 'only say it')
    .action((database: string, flags: { schedule?: string; dryRun?: boolean }, command: Command) =>
      withHost(command, async (host, { json }, signal) => {
        const dryRun = flags.dryRun === true;
        const adoptions = await adoptBackups(host, { database, schedule: flags.schedule, dryRun }, signal);
        if (json) printJson({ dryRun, copies: adoptions.map((one) => ({ ...one, at: isoTime(one.at) })) });
        else if (adoptions.length === 0) printLines(['every copy has its record']);
        else
          printLines(
            adoptions.map(({ adopted, path, schedule, at, reason }) =>
              adopted
                ? `adopt ${path}: ${database} ${schedule}, of ${localTime(isoTime(at), host.timezone)}`
                : `leave ${path}: ${reason}`,
            ),
          );
        return adoptions.every(({ adopted }) => adopted) ? 0 : 1;
      }),
    );
}

function confirmCommand(snapshots: Command): void {
  snapshots
    .command('confirm <name> [file...]')
    .description('say of the copies in doubt of a database or a mirror that they are what they should be')
    .action((name: string, files: readonly string[], _flags: object, command: Command) =>
      withHost(command, async (host, { json }, signal) => {
        const confirmed = await confirmBackups(host, name, files, signal);
        if (json) printJson({ confirmed });
        else printLines(confirmed.map(({ path, doubt }) => `${path}: ${doubt}: confirmed`));
        return 0;
      }),
    );
}

function pruneCommand(snapshots: Command): void {
  snapshots
    .command('prune [database]')
    .description('remove what the keep rules do not keep, saying why each stays or goes')
    .option('--dry-run', 'only say it')
    .action((database: string | undefined, { dryRun }: { dryRun?: boolean }, command: Command) =>
      withHost(command, async (host, { json }, signal) => {
        const judged = await pruneBackups(host, database, { dryRun: dryRun === true }, signal);
        if (json) printJson({ dryRun: dryRun === true, snapshots: judged });
        else
          printLines(
            judged.map(
              ({ keep, path, reasons }) => `${keep ? 'keep  ' : 'remove'} ${path}: ${reasons.join(', ')}`,
            ),
          );
        return 0;
      }),
    );
}

function ofWhat(backup: Backup): string {
  if (backup.kind === 'mirror') return backup.mirror;
  return backup.kind === 'log' ? backup.log : backup.database;
}

function takenAt(backup: Backup, timezone: string): string {
  const at = localTime(backup.at, timezone);
  return backup.kind === 'points' ? `${localTime(backup.from, timezone)} to ${at}` : at;
}

/** What is to be known of a copy besides what it is a copy of. */
function standing(backup: Backup): string {
  if ('damage' in backup) return 'BAD';
  if ('doubt' in backup) return 'in doubt';
  const verified = backup.verified ? 'yes' : 'no';
  return 'foreign' in backup ? `${verified}, not ours` : verified;
}
