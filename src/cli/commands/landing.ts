import type { Command } from 'commander';
import { whyNoRecordings, type OfflineApp } from '../../process/app.ts';
import { WavspoolError } from '../../domain/faults.ts';
import { landingOf, type LandingPage } from '../../operate/landing/index.ts';
import { openQueuesNow, type Queues } from '../../platform/queue/index.ts';
import { roundedSize } from '../../platform/runtime/index.ts';
import { wholeNumber } from '../arguments.ts';
import { counted, printJson, printLines, printTable } from '../output.ts';
import { withOfflineApp } from '../with-app.ts';

const MOST_ROWS = 1000;

/** `landing`: what lies in the landing directory and is not taken; exit 1 if any of it needs attention. */
export function landingCommand(program: Command): void {
  program
    .command('landing')
    .option('--limit <n>', 'at most so many rows', wholeNumber, MOST_ROWS)
    .option('--after <cursor>', 'go on behind a page: what it gave as next')
    .description('what lies in the landing directory and is not taken; exit 1 if any of it needs attention')
    .action((options: { limit: number; after?: string }, command: Command) =>
      withOfflineApp(command, async (app, { json }) => {
        if (!app.loaded.parts.recordings) return nothingLands(app, json);
        const queues = await queuesIfThere(app);
        try {
          const found = await landingOf({ ...app, queues }, options);
          if (json) printJson(found);
          else printLanding(found);
          return Object.values(found.figures).some(({ needsAttention }) => needsAttention) ? 1 : 0;
        } finally {
          await queues?.close();
        }
      }),
    );
}

function nothingLands({ loaded }: OfflineApp, json: boolean): 0 {
  const nothing: LandingPage = { rows: [], next: null, figures: {} };
  if (json) printJson(nothing);
  else printLines([`nothing lands here: ${whyNoRecordings(loaded)}`]);
  return 0;
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
