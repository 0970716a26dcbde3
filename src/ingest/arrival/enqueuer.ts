import type { PendingTars, Candidate } from './pending-tars.ts';
import type { ArrivalDeps } from './deps.ts';
import { MOST_JOBS, roomFor } from './room.ts';
import type { FairOrder } from './fair-order.ts';

const QUEUE_AGAIN_MS = 5000;
/** How soon to look again whether extraction has taken some: it takes a few milliseconds for a small tar. */
const ROOM_AGAIN_MS = 100;

/** Tars that are ready and not queued yet. */
export interface Enqueuer {
  push(candidate: Candidate): void;
  /** Tars queued since the start. */
  readonly queued: () => number;
  /** Resolves when no call to the queue is under way any more. */
  ended(): Promise<void>;
}

/**
 * Queues what is ready, as far as there is room in the queue: whose turn it is, is decided as late as that. A tar leaves the book
 * after the queue has taken it: while the queue fails it stays, and is tried again.
 */
export function createEnqueuer(
  deps: ArrivalDeps,
  { pending, turns }: { readonly pending: PendingTars; readonly turns: FairOrder },
  signal: AbortSignal,
): Enqueuer {
  const { clock, report } = deps;
  const ready = new Set<Candidate>();
  /** The sizes of the last that were queued, the latest last. */
  let sent: number[] = [];
  let isFlushing = false;
  let flushing: Promise<void> = Promise.resolve();
  let queued = 0;
  let fails = false;

  const nextBatch = async (): Promise<Candidate[]> => {
    const waiting = await deps.waiting();
    // what changed since is another candidate and comes by itself
    for (const candidate of ready) if (!pending.isOpen(candidate)) ready.delete(candidate);
    if (waiting >= MOST_JOBS) return [];
    return turns.take(ready, MOST_JOBS - waiting, (chosen) =>
      roomFor(
        chosen.map(({ version }) => version.size),
        waiting,
        sent,
      ),
    );
  };

  const flush = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        const batch = await nextBatch();
        if (ready.size === 0) break;
        if (batch.length === 0) {
          await clock.sleep(ROOM_AGAIN_MS, signal);
          continue;
        }
        await deps.queue(batch.map(({ version }) => version));
        for (const candidate of batch) leave(candidate);
        fails = false;
      } catch (err) {
        if (!fails) report('tars not queued', { tars: ready.size, err }); // once per outage
        fails = true;
        await clock.sleep(QUEUE_AGAIN_MS, signal);
      }
    }
    isFlushing = false;
  };

  const leave = (candidate: Candidate): void => {
    const { version, by, seenAtMs, proof } = candidate;
    ready.delete(candidate);
    sent = [...sent, version.size].slice(-MOST_JOBS);
    queued += 1;
    pending.remove(candidate);
    if (proof?.kind === 'incomplete') return; // it was reported as given up
    const quietMs = Math.round(clock.monotonicMs() - seenAtMs);
    report('tar arrived', { tar: version.path, bytes: version.size, by, quietMs });
  };

  return {
    push: (candidate) => {
      ready.add(candidate);
      if (isFlushing) return;
      isFlushing = true;
      flushing = flush();
    },
    queued: () => queued,
    ended: () => flushing,
  };
}
