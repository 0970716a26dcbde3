import type { Command } from 'commander';
import {
  openLookingApp,
  openOfflineApp,
  withQueues,
  type LookingApp,
  type OfflineApp,
} from '../../process/app.ts';
import { requireSharedRedis } from '../../process/sites.ts';
import { FAULTS, WavspoolError } from '../../domain/faults.ts';
import { pageOf } from '../../platform/paging/index.ts';
import {
  chosenRecordings,
  chosenTars,
  failureFilter,
  requeue,
  tryCanaries,
  type FailureChoice,
  type KnownWords,
} from '../../operate/requeue/index.ts';
import type { Cursor, FailedRecording, RecordingLedger, TarLedger } from '../../domain/ledger.ts';
import { failuresOfSite } from '../../operate/sites/index.ts';
import type { FailedTar } from '../../domain/tar.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import { systemClock } from '../../platform/runtime/index.ts';
import { moment, wholeNumber } from '../arguments.ts';
import { counted, printLines, printTable } from '../output.ts';
import { outlook } from '../outlook.ts';
import { localTime } from '../times.ts';
import { siteOption, withSites, type Asked, type Remote, type Said } from '../with-sites.ts';

interface FilterOptions {
  readonly wav?: string[];
  readonly cause?: string;
  readonly match?: string;
  readonly tar?: string;
  readonly since?: string;
}

interface RequeueOptions extends FilterOptions {
  readonly all?: boolean;
  readonly canary?: number;
  readonly dryRun?: boolean;
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
      withSites(command, openOfflineApp, (app) => failuresOf(app, options), failuresThroughApi(options)),
    );
  filterOptions(siteOption(program.command('requeue')))
    .option('--all', 'every failed recording and tar')
    .option('--wav <path...>', 'these recordings')
    .option('--canary <n>', 'try so many first and go on only if they succeed', wholeNumber)
    .option('--dry-run', 'say how many, change nothing')
    .description('FAILED → PENDING with a fresh budget, and queued')
    .action((options: RequeueOptions, command: Command) => {
      const { all, wav, cause, match, tar, since } = options;
      if ([all, wav, cause, match, tar, since].every((choice) => choice === undefined))
        throw new WavspoolError('USAGE', 'say which: --all, --wav, --cause, --match, --tar or --since');
      return withSites(
        command,
        openLookingApp,
        (app, asked) => requeued(app, options, asked),
        requeueThroughApi(options),
      );
    });
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
  { ledger, settings, clock }: Pick<OfflineApp, 'settings' | 'clock'> & { readonly ledger: KnownWords },
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

/** Where failures are read: a ledger, or what tells of one. */
type Told = Pick<OfflineApp, 'settings' | 'clock'> & {
  readonly ledger: KnownWords & {
    readonly recordings: Pick<RecordingLedger, 'failures'>;
    readonly tars: Pick<TarLedger, 'failed'>;
  };
};

async function failuresOf(app: Told, options: FilterOptions & ShownOptions): Promise<Said> {
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
  if (total + tars.length === 0) return noFailure(app, options);
  if (options.byCause === true) return { code: 1, ...causesOf(counts) };
  const page = { ...pageOf(rows, ({ path }) => path, undefined), next: next ?? null, total, tars };
  const print = (): void => printFailures(app, rows, tars, { total, more: behind - rows.length });
  return { code: 1, document: page, print };
}

/** A pattern that nothing fits is no wrong word, but "nothing has failed" is said only where that is so. */
async function noFailure(
  { ledger }: Told,
  { byCause, limit: _limit, after: _after, ...filter }: FilterOptions & ShownOptions,
): Promise<Said> {
  const document = byCause === true ? { causes: [] } : { rows: [], next: null, total: 0, tars: [] };
  const isFiltered = Object.values(filter).some((word) => word !== undefined);
  const causes = isFiltered ? await ledger.catalogue.causes() : [];
  const recordings = causes.reduce((sum, cause) => sum + cause.recordings, 0);
  const tars = isFiltered ? (await Array.fromAsync(chosenTars(ledger.tars, {}))).flat().length : 0;
  const others = `${counted(recordings, 'recording')} and ${counted(tars, 'tar')} that failed are others`;
  const said = recordings + tars === 0 ? NOTHING : `nothing that failed fits what was asked for: ${others}`;
  return { code: 0, document, print: () => printLines([said]) };
}

function causesOf(
  counts: ReadonlyMap<string, { recordings: number; tars: number }>,
): Pick<Said, 'document' | 'print'> {
  const causes = [...counts]
    .map(([cause, count]) => ({ cause, ...count }))
    .toSorted((a, b) => b.recordings - a.recordings);
  const print = (): void =>
    printTable(
      ['CAUSE', 'RECORDINGS', 'TARS'],
      causes.map(({ cause, recordings, tars }) => [cause, recordings, tars]),
    );
  return { document: { causes }, print };
}

function printFailures(
  { settings }: Pick<OfflineApp, 'settings'>,
  rows: readonly RecordingRow[],
  tars: readonly FailedTar[],
  { total, more }: { readonly total: number; readonly more: number },
): void {
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

/** Throws SITE_UNASKED for a `--tar` with a "/": only the host of a site knows its landing directory. */
function failuresThroughApi(options: FilterOptions & ShownOptions): Remote {
  return {
    isOfHost: false,
    say: (api, { site }, settings) => {
      if (options.tar?.includes('/') === true)
        throw new WavspoolError(
          'SITE_UNASKED',
          `the site ${site} is asked through its API, which does not tell its landing directory: --tar takes a name there, without "/"`,
        );
      return failuresOf({ ledger: failuresOfSite(api), settings, clock: systemClock }, options);
    },
  };
}

/** So long a site may try canaries. */
const CANARY_MS = 120_000;

function requeueThroughApi({ all, wav, since, cause, match, tar, canary, dryRun }: RequeueOptions): Remote {
  const words = { cause, match, tar, canary, dryRun };
  return {
    isOfHost: false,
    say: async (api, _asked, { timezone }) => {
      const from = since === undefined ? {} : { since: moment(since, systemClock.now(), timezone) };
      const body = {
        ...words,
        ...from,
        ...(all === true && { all }),
        ...(wav !== undefined && { paths: wav }),
      };
      const done = (await api.ask(
        { method: 'POST', path: '/api/uploads/requeue', body },
        AbortSignal.timeout(CANARY_MS),
      )) as { recordings: number; tars: number; failed?: readonly string[]; open?: readonly string[] };
      const again = [...(done.failed ?? []), ...(done.open ?? [])];
      return {
        code: again.length === 0 ? 0 : 1,
        document: { ...done, dryRun: words.dryRun === true },
        print: () =>
          printLines([
            `${words.dryRun === true ? 'would re-queue' : 're-queued'} ${counted(done.recordings, 'recording')} and ${counted(done.tars, 'tar')}`,
            ...again.map((path) => `not uploaded: ${path}`),
          ]),
      };
    },
  };
}

/** A wrong word is told also while Redis is away. */
async function requeued(app: LookingApp, options: RequeueOptions, { isElsewhere }: Asked): Promise<Said> {
  const choice = await filterOf(app, options);
  if (isElsewhere) requireSharedRedis(app.settings);
  const deps = { ...withQueues(app), isElsewhere };
  const { canary: tried, dryRun = false } = options;
  if (tried !== undefined && !dryRun) {
    const { canary, failed } = await tryCanaries(deps, choice, tried, 'requeue --canary');
    if (failed.length > 0)
      return {
        code: 1,
        document: { canary, failed, recordings: canary, tars: 0 },
        print: () =>
          printLines([
            `${failed.length} of ${canary} canaries failed again, the others stay as they are:`,
            ...failed,
          ]),
      };
  }
  const tars = options.all === true || options.tar !== undefined;
  const done = await requeue(deps, { ...choice, tars, dryRun }, 'requeue');
  return {
    code: 0,
    document: { recordings: done.recordings, tars: done.tars, dryRun },
    print: () =>
      printLines([
        `${dryRun ? 'would re-queue' : 're-queued'} ${counted(done.recordings, 'recording')} and ${counted(done.tars, 'tar')}`,
      ]),
  };
}

type Failed = Pick<RecordingRow, 'timestamp' | 'cause' | 'retryCount' | 'path' | 'errorMessage'>;
