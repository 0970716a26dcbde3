import type { Command } from 'commander';
import type { App } from '../../app.ts';
import { FAULTS, WavspoolError } from '../../faults.ts';
import { requeue, tarGlob, type Requeued } from '../../requeue/index.ts';
import type { FailedTar, FailureFilter, RecordingRow } from '../../state/index.ts';
import { moment, wholeNumber } from '../arguments.ts';
import { counted, printJson, printLines, printTable } from '../output.ts';
import { withApp } from '../with-app.ts';

interface FilterOptions {
  readonly wav?: string[];
  readonly cause?: string;
  readonly match?: string;
  readonly tar?: string;
  readonly since?: string;
}

const PAGE = 500;
const NOTHING = 'nothing has failed';
const CANARY_LOOK_MS = 250;

/** `failed` and `requeue`: what needs an operator, and its second chance. */
export function failedCommands(program: Command): void {
  filterOptions(program.command('failed'))
    .option('--by-cause', 'counts by cause instead of rows')
    .option('--limit <n>', 'at most so many recordings', wholeNumber, 100)
    .description('the FAILED recordings and the failed tars; exit 1 if there are any')
    .action((options: FilterOptions & { byCause?: boolean; limit: number }, command: Command) =>
      withApp(command, (app, { json }) => Promise.resolve(showFailed(app, options, json))),
    );
  filterOptions(program.command('requeue'))
    .option('--all', 'every failed recording and tar')
    .option('--wav <path...>', 'these recordings')
    .option('--canary <n>', 'try so many first and go on only if they succeed', wholeNumber)
    .option('--dry-run', 'say how many, change nothing')
    .description('FAILED → PENDING with a fresh budget, and queued')
    .action(
      (options: FilterOptions & { all?: boolean; canary?: number; dryRun?: boolean }, command: Command) =>
        withApp(command, (app, { json }) => runRequeue(app, options, json)),
    );
}

function filterOptions(command: Command): Command {
  return command
    .option(
      '--cause <cause>',
      `one of ${[...new Set(Object.values(FAULTS).map(({ cause }) => cause))].join(', ')}`,
    )
    .option('--match <regexp>', 'path or error message matches')
    .option('--tar <glob>', 'of tars whose path below the landing directory matches')
    .option('--since <time>', 'failed since then: "2026-11-20 14:00:00" (UTC), or 2h, 3d ago');
}

function filterOf(app: App, options: FilterOptions): FailureFilter {
  return {
    paths: options.wav,
    cause: options.cause,
    match: options.match === undefined ? undefined : pattern(options.match),
    tar: options.tar === undefined ? undefined : tarGlob(app.settings.paths.incoming, options.tar),
    since: options.since === undefined ? undefined : moment(options.since, app.clock.now()),
  };
}

function showFailed(
  app: App,
  options: FilterOptions & { byCause?: boolean; limit: number },
  json: boolean,
): 0 | 1 {
  const filter = filterOf(app, options);
  const tars = app.state.failedTars(filter);
  if (options.byCause === true) {
    const causes = countCauses(app, filter, tars);
    if (json) printJson({ causes });
    else if (causes.length === 0) printLines([NOTHING]);
    else
      printTable(
        ['CAUSE', 'RECORDINGS', 'TARS'],
        causes.map(({ cause, recordings, tars }) => [cause, recordings, tars]),
      );
    return causes.length === 0 ? 0 : 1;
  }
  const rows = app.state.failed(filter, 0, options.limit).map(({ row }) => row);
  if (json) printJson({ recordings: rows, tars });
  else printFailures(rows, tars);
  return rows.length + tars.length === 0 ? 0 : 1;
}

function printFailures(rows: readonly RecordingRow[], tars: readonly FailedTar[]): void {
  if (rows.length + tars.length === 0) return printLines([NOTHING]);
  printTable(['SINCE (UTC)', 'CAUSE', 'RETRIES', 'PATH', 'ERROR'], [...tars.map(line), ...rows.map(line)]);
}

function countCauses(
  app: App,
  filter: FailureFilter,
  tars: readonly FailedTar[],
): { cause: string; recordings: number; tars: number }[] {
  const counts = new Map<string, { recordings: number; tars: number }>();
  const at = (cause: string): { recordings: number; tars: number } => {
    const count = counts.get(cause) ?? { recordings: 0, tars: 0 };
    counts.set(cause, count);
    return count;
  };
  for (const tar of tars) at(tar.cause).tars += 1;
  for (let after = 0; ;) {
    const page = app.state.failed(filter, after, PAGE);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.rowid;
    for (const { row } of page) at(row.cause ?? 'unknown').recordings += 1;
  }
  return [...counts]
    .map(([cause, count]) => ({ cause, ...count }))
    .toSorted((a, b) => b.recordings - a.recordings);
}

async function runRequeue(
  app: App,
  options: FilterOptions & { all?: boolean; canary?: number; dryRun?: boolean },
  json: boolean,
): Promise<0 | 1> {
  const chosen = [options.all, options.wav, options.cause, options.match, options.tar, options.since];
  if (chosen.every((choice) => choice === undefined)) {
    throw new WavspoolError('USAGE', 'say which: --all, --wav, --cause, --match, --tar or --since');
  }
  const filter = filterOf(app, options);
  const tars = options.all === true || options.tar !== undefined;
  if (options.canary !== undefined && options.dryRun !== true) {
    const canary = await requeue(app, { ...filter, tars: false, limit: options.canary }, 'requeue --canary');
    const lost = await canaryFailures(app, canary);
    if (lost.length > 0) {
      if (json)
        printJson({ canary: canary.recordings, failed: lost, recordings: canary.recordings, tars: 0 });
      else
        printLines([
          `${lost.length} of ${canary.recordings} canaries failed again, the others stay as they are:`,
          ...lost,
        ]);
      return 1;
    }
  }
  const done = await requeue(app, { ...filter, tars, dryRun: options.dryRun }, 'requeue');
  const { recordings } = done;
  if (json) printJson({ recordings, tars: done.tars, dryRun: options.dryRun === true });
  else
    printLines([
      `${options.dryRun === true ? 'would re-queue' : 're-queued'} ${counted(recordings, 'recording')} and ${counted(done.tars, 'tar')}`,
    ]);
  return 0;
}

/** Waits until each canary has ended; returns those that failed. */
async function canaryFailures(app: App, { paths }: Requeued): Promise<readonly string[]> {
  const statusOf = (path: string): string | undefined => app.state.recording(path)?.status;
  while (paths.some((path) => statusOf(path) === 'PENDING')) await app.clock.sleep(CANARY_LOOK_MS);
  return paths.filter((path) => statusOf(path) === 'FAILED');
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new WavspoolError('USAGE', `--match ${text} is no regular expression`, { cause: error });
  }
}

function line(row: {
  timestamp: string;
  cause?: string | undefined;
  retryCount: number;
  path: string;
  errorMessage?: string | undefined;
}): string[] {
  return [row.timestamp, row.cause ?? 'unknown', String(row.retryCount), row.path, row.errorMessage ?? ''];
}
