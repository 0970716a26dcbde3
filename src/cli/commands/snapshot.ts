import type { Command } from 'commander';
import { listBackups, pruneBackups, takeSnapshots, verifyBackups } from '../../host/index.ts';
import { roundedSize } from '../../runtime/index.ts';
import { printError, printJson, printLines, printTable, statusLine, verdictLine } from '../output.ts';
import { withHost } from '../with-app.ts';

interface SnapshotFlags {
  readonly event?: string;
  readonly label?: string;
}

/** `snapshot`, `snapshots list`, `snapshots verify`, `snapshots prune`. */
export function snapshotCommands(program: Command): void {
  program
    .command('snapshot <database>')
    .description('take a snapshot now; prints its path, exit 1 if it could not be brought offsite')
    .option('--event <name>', 'take those that the settings bind to this event')
    .option('--label <text>', 'what {label} stands for in the file name')
    .action((database: string, flags: SnapshotFlags, command: Command) =>
      withHost(command, async (host, { json }, signal) => {
        const by = flags.event === undefined ? 'hand' : 'event';
        const snapshots = await takeSnapshots(host, { database, ...flags }, by, signal);
        if (json) printJson({ snapshots });
        else printLines(snapshots.map(({ path }) => path));
        const failed = snapshots.flatMap(({ path, offsite }) =>
          offsite !== undefined && 'error' in offsite ? [`${path} is not offsite yet: ${offsite.error}`] : [],
        );
        if (!json) failed.forEach(printError);
        return failed.length === 0 ? 0 : 1;
      }),
    );

  const snapshots = program.command('snapshots').description('the snapshots there are');
  snapshots
    .command('list [database]')
    .description(
      'every snapshot, on disk and offsite, and every mirror, the newest first; exit 1 if the bucket could not be listed',
    )
    .action((database: string | undefined, _flags: object, command: Command) =>
      withHost(command, async (host, { json }, signal) => {
        const { snapshots: found, unlisted } = await listBackups(host, database, signal);
        for (const why of unlisted) printError(`not listed: ${why}`);
        if (json) printJson({ snapshots: found, unlisted });
        else
          printTable(
            ['of', 'schedule', 'taken', 'size', 'apparent', 'verified', 'path'],
            found.map((backup) => [
              backup.kind === 'mirror' ? backup.mirror : backup.database,
              backup.kind === 'snapshot' ? backup.schedule : backup.kind,
              backup.kind === 'points' ? `${backup.from} to ${backup.at}` : backup.at,
              roundedSize(backup.bytes),
              backup.kind === 'mirror' ? roundedSize(backup.apparentBytes ?? 0) : '',
              backup.verified ? 'yes' : 'no',
              backup.path,
            ]),
          );
        return unlisted.length === 0 ? 0 : 1;
      }),
    );
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
