import type { Command } from 'commander';
import { openOfflineApp, type App, type HostApp, type OfflineApp } from '../../process/app.ts';
import { FAULTS, WavspoolError } from '../../domain/faults.ts';
import { pageOf } from '../../platform/paging/index.ts';
import {
  chosenRecordings,
  chosenTars,
  failureFilter,
  requeue,
  tryCanaries,
  type FailureChoice,
} from '../../operate/requeue/index.ts';
import type { Cursor, FailedRecording } from '../../domain/ledger.ts';
import type { FailedTar } from '../../domain/tar.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import { moment, wholeNumber } from '../arguments.ts';
import { counted, printJson, printLines, printTable } from '../output.ts';
import { outlook } from '../outlook.ts';
import { localTime } from '../times.ts';
import { siteOption, withSites, type Said } from '../with-sites.ts';
import { withWords } from '../with-app.ts';

interface FilterOptions {
  readonly wav?: string[];
  readonly cause?: string;
  readonly match?: string;
  readonly tar?: string;
  readonly since?: string;
}

interface ShownOptions {
  readonly byCause?: boolean;
  readonly limit: number;
  readonly after?: string;
}

const NOTHING = 'nothing has failed';

/** `failed` and `requeue`: what needs an operator, and its second chance. */
export function failedCommands(program: Command): void {
  filterOptions(siteOption(program.command('failed')))
    .option('--by-cause', 'counts by cause instead of rows')
    .option('--limit <n>', 'at most so many recordings', wholeNumber, 100)
    .option('--after <cursor>', 'go on behind a page: what it gave as next')
    .description('the FAILED recordings and the failed tars; exit 1 if there are any')
    .action((options: FilterOptions & ShownOptions, command: Command) =>
      withSites(command, openOfflineApp, (app) => failuresOf(app, options)),
    );
  filterOptions(program.command('requeue'))
    .option('--all', 'every failed recording and tar')
    .option('--wav <path...>', 'these recordings')
    .option('--canary <n>', 'try so many first and go on only if they succeed', wholeNumber)
    .option('--dry-run', 'say how many, change nothing')
    .description('FAILED → PENDING with a fresh budget, and queued')
    .action(
      (options: FilterOptions & { all?: boolean; canary?: number; dryRun?: boolean }, command: Command) => {
        const { all, wav, cause, match, tar, since } = options;
        if ([all, wav, cause, match, tar, since].every((choice) => choice === undefined))
          throw new WavspoolError('USAGE', 'say which: --all, --wav, --cause, --match, --tar or --since');
        return withWords(
          command,
          (app) => filterOf(app, options),
          (app, choice, { json }) => runRequeue(app, choice, options, json),
        );
      },
    );
}

function filterOptions(command: Command): Command {
  return command
    .option(
      '--cause <cause>',
      `one of ${[...new Set(Object.values(FAULTS).map(({ cause }) => cause))].join(', ')}`,
    )
    .option(
      '--match <pattern>',
      'in whose path or error message it is found: RE2 syntax, text:PART or glob:PATTERN',
    )
    .option(
      '--tar <glob>',
      'of tars with that name, e.g. "*" or "day-*.tar"; with a "/", with that path below the landing directory',
    )
    .option(
      '--since <time>',
      'failed since then: "2026-11-20 14:00:00" in the time zone of the settings, or 2h, 3d ago',
    );
}

function filterOf(
  { ledger, settings, clock }: Pick<HostApp, 'ledger' | 'settings' | 'clock'>,
  options: FilterOptions,
): Promise<FailureChoice> {
  const { wav, since, ...words } = options;
  return failureFilter(
    { ledger, settings },
    {
      paths: wav,
      cause: words.cause,
      match: words.match,
      tar: words.tar,
      since: since === undefined ? undefined : moment(since, clock.now(), settings.timezone),
    },
  );
}

async function failuresOf(app: OfflineApp, options: FilterOptions & ShownOptions): Promise<Said> {
  const { tars: failedTars, recordings } = app.ledger;
  const choice = await filterOf(app, options);
  const tars = (await Array.fromAsync(chosenTars(failedTars, choice))).flat();
  const rows: RecordingRow[] = [];
  const counts = new Map<string, { recordings: number; tars: number }>();
  const at = (cause: string): { recordings: number; tars: number } => {
    const count = counts.get(cause) ?? { recordings: 0, tars: 0 };
    counts.set(cause, count);
    return count;
  };
  for (const tar of tars) at(tar.cause).tars += 1;
  let total = 0;
  let behind = 0;
  let last: Cursor | undefined;
  const count = (page: readonly FailedRecording[]): void => {
    total += page.length;
    for (const { row } of page) at(row.cause ?? 'unknown').recordings += 1;
  };
  const show = (page: readonly FailedRecording[]): void => {
    behind += page.length;
    const shown = page.slice(0, options.limit - rows.length);
    rows.push(...shown.map(({ row }) => row));
    last = shown.at(-1)?.cursor ?? last;
  };
  for await (const page of chosenRecordings(recordings, choice)) {
    count(page);
    if (options.after === undefined) show(page);
  }
  if (options.after !== undefined)
    for await (const page of chosenRecordings(recordings, choice, options.after)) show(page);
  const next = behind > rows.length ? last : undefined;
  const code = total + tars.length === 0 ? 0 : 1;
  if (options.byCause === true) return { code, ...causesOf(counts) };
  const page = { ...pageOf(rows, ({ path }) => path, undefined), next: next ?? null, total, tars };
  const print = (): void => printFailures(app, rows, tars, { total, more: behind - rows.length });
  return { code, document: page, print };
}

function causesOf(
  counts: ReadonlyMap<string, { recordings: number; tars: number }>,
): Pick<Said, 'document' | 'print'> {
  const causes = [...counts]
    .map(([cause, count]) => ({ cause, ...count }))
    .toSorted((a, b) => b.recordings - a.recordings);
  const print = (): void => {
    if (causes.length === 0) return printLines([NOTHING]);
    printTable(
      ['CAUSE', 'RECORDINGS', 'TARS'],
      causes.map(({ cause, recordings, tars }) => [cause, recordings, tars]),
    );
  };
  return { document: { causes }, print };
}

function printFailures(
  { settings }: OfflineApp,
  rows: readonly RecordingRow[],
  tars: readonly FailedTar[],
  { total, more }: { readonly total: number; readonly more: number },
): void {
  if (rows.length + tars.length === 0) return printLines([NOTHING]);
  const { maxRetries } = settings.upload;
  const line = (row: Failed): string[] => [
    localTime(row.timestamp, settings.timezone),
    row.cause ?? 'unknown',
    outlook(row.retryCount, maxRetries),
    row.path,
    row.errorMessage ?? '',
  ];
  printTable(['SINCE', 'CAUSE', 'NEXT', 'PATH', 'ERROR'], [...tars.map(line), ...rows.map(line)]);
  if (more > 0)
    printLines([
      `${counted(more, 'recording')} more: --limit ${total} shows all, --by-cause counts them, --json is for programs`,
    ]);
}

async function runRequeue(
  app: App,
  filter: FailureChoice,
  options: FilterOptions & { all?: boolean; canary?: number; dryRun?: boolean },
  json: boolean,
): Promise<0 | 1> {
  const tars = options.all === true || options.tar !== undefined;
  if (options.canary !== undefined && options.dryRun !== true) {
    const { canary, failed } = await tryCanaries(app, filter, options.canary, 'requeue --canary');
    if (failed.length > 0) {
      if (json) printJson({ canary, failed, recordings: canary, tars: 0 });
      else
        printLines([
          `${failed.length} of ${canary} canaries failed again, the others stay as they are:`,
          ...failed,
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

type Failed = Pick<RecordingRow, 'timestamp' | 'cause' | 'retryCount' | 'path' | 'errorMessage'>;
