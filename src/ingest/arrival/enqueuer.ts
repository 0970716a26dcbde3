import type { PendingTars, Candidate } from './pending-tars.ts';
import type { ArrivalDeps } from './deps.ts';
import { MOST_JOBS, roomFor } from './room.ts';
import type { TarVersion } from '../../domain/tar.ts';
import type { FairOrder } from './fair-order.ts';

const QUEUE_AGAIN_MS = 5000;
/** How soon to look again whether extraction has taken some: it takes a few milliseconds for a small tar. */
const ROOM_AGAIN_MS = 100;
/** Of the tars that take long to read so many are extracted, or wait for it, at once: they have no more than their own places. */
export const MOST_SLOW = 4;
/** How soon to look again whether one of those has ended. */
const SLOW_AGAIN_MS = 1000;

/** Tars that are ready and not queued yet. */
export interface Enqueuer {
  push(candidate: Candidate): void;
  /** Tars queued since the start. */
  readonly queued: () => number;
  /** Resolves when no call to the queue is under way any more. */
  ended(): Promise<void>;
}

/**
 * Queues what is ready, as far as there is room in the queue: whose turn it is, is decided as late as that. A tar is pending
 * until the queue has taken it: while the queue fails it stays, and is tried again.
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
  const slowRoom = roomForSlow(deps);
  let isFlushing = false;
  let flushing: Promise<void> = Promise.resolve();
  let queued = 0;
  let fails = false;

  const nextBatch = async (): Promise<Candidate[]> => {
    const waiting = await deps.waiting();
    // what changed since is another candidate and comes by itself
    for (const candidate of ready) if (!pending.isOpen(candidate)) ready.delete(candidate);
    return chosenFrom(ready, turns, { waiting, sent, slow: await slowRoom.left(ready) });
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
    if (candidate.slow) slowRoom.taken(version);
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

interface RoomLeft {
  readonly waiting: number;
  readonly sent: readonly number[];
  /** Slow tars that may be queued. */
  readonly slow: number;
}

function chosenFrom(
  ready: ReadonlySet<Candidate>,
  turns: FairOrder,
  { waiting, sent, slow }: RoomLeft,
): Candidate[] {
  if (waiting >= MOST_JOBS) return [];
  const candidates = slow > 0 ? ready : [...ready].filter((candidate) => !candidate.slow);
  const keep = (chosen: readonly Candidate[]): number =>
    Math.min(roomFor(sizesOf(chosen), waiting, sent), beforeSlow(chosen, slow));
  return turns.take(candidates, MOST_JOBS - waiting, keep);
}

/** How many of these there are before the first slow one that there is no room for. */
function beforeSlow(chosen: readonly Candidate[], room: number): number {
  let slow = 0;
  const first = chosen.findIndex((candidate) => {
    if (candidate.slow) slow += 1;
    return slow > room;
  });
  return first === -1 ? chosen.length : first;
}

interface SlowRoom {
  /** How many slow tars may be queued now. */
  left(ready: Iterable<Candidate>): Promise<number>;
  taken(version: TarVersion): void;
}

function roomForSlow({ clock, underWay }: Pick<ArrivalDeps, 'clock' | 'underWay'>): SlowRoom {
  let known: readonly TarVersion[] = [];
  let askedAtMs = Number.NEGATIVE_INFINITY;
  return {
    left: async (ready) => {
      const isFull = known.length >= MOST_SLOW && [...ready].some(({ slow }) => slow);
      if (isFull && clock.monotonicMs() - askedAtMs >= SLOW_AGAIN_MS) {
        const open = await underWay(known);
        askedAtMs = clock.monotonicMs();
        known = known.filter(({ path }) => open.has(path));
      }
      return MOST_SLOW - known.length;
    },
    taken: (version) => (known = [...known, version]),
  };
}

function sizesOf(candidates: readonly Candidate[]): number[] {
  return candidates.map(({ version }) => version.size);
}
