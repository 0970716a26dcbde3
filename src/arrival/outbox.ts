import type { Book, Candidate } from './book.ts';
import type { ArrivalDeps } from './deps.ts';
import { byArrivalOrder } from '../queue/index.ts';

/** As many jobs as one bulk add takes well. */
const BATCH = 500;
const QUEUE_AGAIN_MS = 5000;

/** Tars that are ready and not queued yet. */
export interface Outbox {
  push(candidate: Candidate): void;
  isIdle(): boolean;
  /** Tars queued since the start. */
  readonly queued: () => number;
  /** Resolves when no call to the queue is under way any more. */
  ended(): Promise<void>;
}

/**
 * Queues what is ready, newest or oldest first; what gets ready during one call goes with the next. A tar leaves the book
 * after the queue has taken it: while the queue fails it stays, and is tried again. `onIdle` is called when all is queued.
 */
export function createOutbox(deps: ArrivalDeps, book: Book, signal: AbortSignal, onIdle: () => void): Outbox {
  const { clock, report } = deps;
  const inOrder = byArrivalOrder(deps.settings.order);
  let ready: Candidate[] = [];
  let isFlushing = false;
  let flushing: Promise<void> = Promise.resolve();
  let queued = 0;
  let fails = false;

  const flush = async (): Promise<void> => {
    while (!signal.aborted) {
      // what changed since is another candidate and comes by itself
      ready = ready.filter(book.isOpen).toSorted((a, b) => inOrder(a.version, b.version));
      const batch = ready.slice(0, BATCH);
      if (batch.length === 0) break;
      try {
        await deps.queue(batch.map(({ version }) => version));
      } catch (err) {
        if (!fails) report('unexpected fault', { err }); // once per outage
        fails = true;
        await clock.sleep(QUEUE_AGAIN_MS, signal);
        continue;
      }
      fails = false;
      const gone = new Set(batch);
      ready = ready.filter((candidate) => !gone.has(candidate));
      for (const candidate of batch) leave(candidate);
    }
    isFlushing = false;
    onIdle();
  };

  const leave = (candidate: Candidate): void => {
    const { version, by, seenAtMs, proof } = candidate;
    queued += 1;
    book.remove(candidate);
    if (proof?.kind === 'incomplete') return; // it was reported as given up
    const quietMs = Math.round(clock.monotonicMs() - seenAtMs);
    report('tar arrived', { tar: version.path, bytes: version.size, by, quietMs });
  };

  return {
    push: (candidate) => {
      ready.push(candidate);
      if (isFlushing) return;
      isFlushing = true;
      flushing = flush();
    },
    isIdle: () => !isFlushing,
    queued: () => queued,
    ended: () => flushing,
  };
}
