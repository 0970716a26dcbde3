import type { Command } from 'commander';
import { openOfflineApp, whyNoRecordings, type OfflineApp } from '../../process/app.ts';
import { requireSharedRedis } from '../../process/sites.ts';
import { WavspoolError } from '../../domain/faults.ts';
import { landingOf, type LandingPage } from '../../operate/landing/index.ts';
import { openQueuesNow, type Queues } from '../../platform/queue/index.ts';
import { roundedSize } from '../../platform/runtime/index.ts';
import { wholeNumber } from '../arguments.ts';
import { counted, printLines, printTable } from '../output.ts';
import { siteOption, withSites, type Remote, type Said } from '../with-sites.ts';

const MOST_ROWS = 1000;
const NOTHING: LandingPage = { rows: [], next: null, figures: {} };

interface PageOptions {
  readonly limit: number;
  readonly after?: string;
}

/** `landing`: what lies in the landing directory and is not taken; exit 1 if any of it needs attention. */
export function landingCommand(program: Command): void {
  siteOption(program.command('landing'))
    .option('--limit <n>', 'at most so many rows', wholeNumber, MOST_ROWS)
    .option('--after <cursor>', 'go on behind a page: what it gave as next')
    .description('what lies in the landing directory and is not taken; exit 1 if any of it needs attention')
    .action((options: PageOptions, command: Command) =>
      withSites(
        command,
        openOfflineApp,
        (app, { isElsewhere }) => (isElsewhere ? figuresOf(app) : lyingHere(app, options)),
        throughApi(options),
      ),
    );
}

function throughApi({ limit, after }: PageOptions): Remote {
  const query = new URLSearchParams({
    limit: String(Math.min(limit, MOST_ROWS)),
    ...(after !== undefined && { after }),
  });
  return {
    isOfHost: true,
    say: async (api) => {
      const found = (await api.ask({
        method: 'GET',
        path: `/api/landing?${query.toString()}`,
      })) as LandingPage;
      return { code: codeOf(found), document: found, print: () => printLanding(found) };
    },
  };
}

function codeOf({ figures }: LandingPage): 0 | 1 {
  return Object.values(figures).some(({ needsAttention }) => needsAttention) ? 1 : 0;
}

async function lyingHere(app: OfflineApp, options: PageOptions): Promise<Said> {
  if (!app.loaded.parts.recordings)
    return {
      code: 0,
      document: NOTHING,
      print: () => printLines([`nothing lands here: ${whyNoRecordings(app.loaded)}`]),
    };
  const queues = await queuesIfThere(app);
  try {
    const found = await landingOf({ ...app, queues }, options);
    return { code: codeOf(found), document: found, print: () => printLanding(found) };
  } finally {
    await queues?.close();
  }
}

/** What the watch role of a site on another host told of its landing directory last: what lies there in detail only that host can tell. */
async function figuresOf(app: OfflineApp): Promise<Said> {
  const { site } = app.settings;
  requireSharedRedis(app.settings);
  const queues = await openQueuesNow(app.settings, app.report, app.clock);
  try {
    const seen = await queues.shared.landingSeen();
    const why = `what lies on the host of the site ${site} in detail`;
    if (seen === undefined)
      throw new WavspoolError(
        'SITE_UNASKED',
        `only the host of the site ${site} can tell what lies there, and no watch role of it has told anything for a minute`,
      );
    const ageSeconds = Math.round(seen.ageMs / 1000);
    const page = { ...NOTHING, figures: seen.figures as LandingPage['figures'] };
    return {
      code: 3,
      document: { ...page, figuresAgeSeconds: ageSeconds, unasked: [why] },
      print: () => {
        printLanding(page);
        printLines([`as its watch role said ${ageSeconds} s ago; NOT ASKED: ${why}`]);
      },
    };
  } finally {
    await queues.close();
  }
}

/** It is asked when nothing runs as well, not even Redis. */
async function queuesIfThere({ settings, report, clock }: OfflineApp): Promise<Queues | undefined> {
  try {
    return await openQueuesNow(settings, report, clock);
  } catch (error) {
    if (error instanceof WavspoolError && error.code === 'REDIS_UNREACHABLE') return undefined;
    throw error;
  }
}

function printLanding({ rows, next, figures }: LandingPage): void {
  if (rows.length > 0)
    printTable(
      ['REASON', 'AGE', 'SIZE', 'ATTENTION', 'PATH', 'DETAIL'],
      rows.map(({ reason, ageSeconds, bytes, needsAttention, path, detail }) => [
        reason,
        age(ageSeconds),
        roundedSize(bytes),
        needsAttention ? 'yes' : '',
        path,
        detail,
      ]),
    );
  const sums = Object.entries(figures).map(
    ([reason, { count, bytes, oldestSeconds, needsAttention }]) =>
      `${counted(count, 'file')} ${reason}, ${roundedSize(bytes)}, the oldest for ${age(oldestSeconds)}${needsAttention ? ': needs attention' : ''}`,
  );
  printLines(sums.length === 0 ? ['everything that has landed is taken'] : sums);
  if (next !== null) printLines([`more rows: wavspool landing --after ${next}`]);
}

function age(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}
