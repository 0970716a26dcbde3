import { messageOf } from '../../domain/faults.ts';
import { givenUpWork, priorityOf, retryWork, type Outcome } from '../../platform/queue/index.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import { orHostsTrouble, tryRecording, type Uploader } from './process-recording.ts';

/** How long the rest of a batch waits when Redis takes no jobs. */
const REDIS_AWAY_MS = 5000;

/**
 * Uploads the recordings of a batch one after the other: one request at a time, as for every job, so that
 * `upload.concurrency` holds; the next does not wait for the commit of the one before. One that fails leaves the batch for a
 * job of its own, with its own retries; what keeps all of them from being uploaded postpones the rest. `goesOn` is called
 * after each. Safe to repeat.
 */
export async function processBatch(
  uploader: Uploader,
  paths: readonly string[],
  signal: AbortSignal,
  goesOn: () => void,
): Promise<Outcome> {
  const commits: Promise<Outcome>[] = [];
  let interrupted: Outcome | undefined;
  const tried = await orHostsTrouble(uploader, async () => {
    interrupted = await tryEach(uploader, paths, signal, (committed) => {
      commits.push(committed);
      goesOn();
    });
    return { kind: 'done' };
  });
  if (tried.kind !== 'done') interrupted = tried;
  const outcomes = await Promise.all(commits);
  return interrupted ?? outcomes.find(({ kind }) => kind !== 'done') ?? { kind: 'done' };
}

/** Returns what keeps the rest from being tried, if anything does. */
async function tryEach(
  uploader: Uploader,
  paths: readonly string[],
  signal: AbortSignal,
  stored: (committed: Promise<Outcome>) => void,
): Promise<Outcome | undefined> {
  const { recordings } = uploader.app.ledger;
  const rows = accusedLast(await recordings.many(paths), uploader);
  // what was uploaded is done, and what failed has a job of its own
  for (const row of rows.filter(({ status, batch }) => status === 'PENDING' && batch !== undefined)) {
    const tried = await tryRecording(uploader, row, signal);
    if (tried.kind === 'stored') {
      stored(tried.committed);
      continue;
    }
    if ((await recordings.get(row.path))?.status !== 'FAILED') return tried.outcome;
    try {
      await leaveBatch(uploader, row, tried.outcome);
    } catch (error) {
      return { kind: 'later', delayMs: REDIS_AWAY_MS, why: messageOf(error) }; // its own job comes with the rescan
    }
  }
  return undefined;
}

/** One that the store refuses for its own sake, as if for all, is not to keep those behind it from being tried. */
function accusedLast(rows: readonly RecordingRow[], { breaker }: Uploader): readonly RecordingRow[] {
  const isAccused = ({ path }: RecordingRow): boolean => breaker.isAccused(path);
  return [...rows.filter((row) => !isAccused(row)), ...rows.filter(isAccused)];
}

async function leaveBatch(
  { app: { queues, settings, clock } }: Uploader,
  { path, tarMtimeMs = 0 }: RecordingRow,
  outcome: Outcome,
): Promise<void> {
  const priority = priorityOf(tarMtimeMs, settings.arrival.order, clock.now());
  if (outcome.kind === 'give up') await queues.upload.ensure([givenUpWork(path, outcome.why)]);
  if (outcome.kind === 'later') await queues.upload.ensure([retryWork(path, priority, outcome.delayMs)]);
}
