import { createBook, type Book, type Candidate } from './book.ts';
import type { ArrivalDeps } from './deps.ts';
import { isSameVersion, lookAt, lookForMarker } from './look.ts';
import { createOutbox } from './outbox.ts';
import { LOOK_AGAIN_MS, readiness, type Readiness } from './readiness.ts';

/** Proofs read whole tars: more at once only make the disk seek. */
const LANES = 2;
const READ_AGAIN_MS = 30_000;

/** The tars that were seen and are not queued yet. */
export interface Tracker extends Pick<Book, 'observe' | 'has' | 'size'> {
  /** Tars queued since the start. */
  queued(): number;
  /** Resolves when nothing is due, being examined or being queued, or when the tracker was stopped. */
  settled(): Promise<void>;
  /** Ends proofs; resolves when nothing runs any more. What was not queued is found again by the next rescan. */
  stop(): Promise<void>;
}

/** Starts with an empty book. Nothing here rejects: what fails is reported and tried again. */
export function startTracker(deps: ArrivalDeps): Tracker {
  const { clock, report, settings } = deps;
  const stopping = new AbortController();
  const book = createBook(clock, settings);
  const outbox = createOutbox(deps, book, stopping.signal, book.wakeAll); // a lane then notes that all is settled
  let busy = 0;
  let waiters: (() => void)[] = [];

  const noteSettled = (): void => {
    if (!stopping.signal.aborted && (busy > 0 || !outbox.isIdle())) return;
    for (const resolve of waiters) resolve();
    waiters = [];
  };

  const lane = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const candidate = book.next();
      if (typeof candidate === 'number') {
        noteSettled();
        await book.sleepUntil(candidate, stopping.signal);
        continue;
      }
      busy += 1;
      await examine(candidate);
      busy -= 1;
    }
  };

  const examine = async (candidate: Candidate): Promise<void> => {
    const tar = candidate.version.path;
    try {
      if (!(await isUnchanged(candidate))) return;
      let decision = await decide(candidate);
      if (decision.kind === 'prove') {
        const proof = await deps.prove(tar, stopping.signal);
        if (!(await isUnchanged(candidate))) return; // it was another version's bytes
        candidate.proof = proof;
        decision = await decide(candidate);
      }
      carryOut(candidate, decision);
    } catch (err) {
      if (stopping.signal.aborted) return;
      if (!candidate.reported) report('tar unreadable', { tar, err });
      candidate.reported = true;
      book.letGo(candidate, READ_AGAIN_MS);
    }
  };

  /** Drops a tar that vanished and takes up one that changed. */
  const isUnchanged = async (candidate: Candidate): Promise<boolean> => {
    const found = await lookAt(candidate.version.path);
    if (!book.isOpen(candidate)) return false;
    if (found === undefined) {
      book.remove(candidate);
      return false;
    }
    if (isSameVersion(found, candidate.version)) return true;
    book.observe(found, candidate.by);
    return false;
  };

  const decide = async ({ version, seenAtMs, proof }: Candidate): Promise<Readiness> => {
    const doneMarker = await lookForMarker(version.path, settings.doneMarker);
    return readiness({
      unchangedMs: clock.monotonicMs() - seenAtMs,
      quietMs: settings.quietSeconds * 1000,
      doneMarker,
      proof,
      incompleteAfterMs: settings.incompleteAfterSeconds * 1000,
    });
  };

  const carryOut = (candidate: Candidate, decision: Readiness): void => {
    const { path: tar, size: bytes } = candidate.version;
    switch (decision.kind) {
      case 'wait':
        return book.letGo(candidate, decision.forMs);
      case 'prove': // not after a proof; were it so, the next look would do it
        return book.letGo(candidate, LOOK_AGAIN_MS);
      case 'incomplete':
        if (!candidate.reported) report('tar incomplete', { tar, bytes, reason: decision.reason });
        candidate.reported = true;
        return book.letGo(candidate, decision.forMs);
      case 'give up': {
        const { reason } = decision;
        report('tar given up', { tar, bytes, reason, afterSeconds: settings.incompleteAfterSeconds });
        return outbox.push(candidate);
      }
      case 'ready':
        return outbox.push(candidate);
    }
  };

  const lanes = Promise.all(Array.from({ length: LANES }, lane));

  return {
    observe: book.observe,
    has: book.has,
    size: book.size,
    queued: outbox.queued,
    settled: () =>
      new Promise((resolve) => {
        waiters.push(resolve);
        book.wakeAll();
      }),
    stop: async () => {
      stopping.abort(new Error('arrival was stopped'));
      await lanes;
      await outbox.ended();
      noteSettled();
    },
  };
}
