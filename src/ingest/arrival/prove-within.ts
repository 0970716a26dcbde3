import type { Clock } from '../../platform/runtime/index.ts';
import type { ArrivalDeps } from './deps.ts';
import type { Proof } from './proof.ts';

/** What proves nothing within this time is left to extraction, which counts what it unpacks. */
const SLOW_MS = 60_000;
const SLOW_BYTES_PER_MS = 5000;
/** One for all proofs: an error, and a signal made of others, for each took a quarter of what a hundred thousand tars cost. */
const ENDED = new Error('the proof has ended');

export interface ProofDeps {
  readonly clock: Pick<Clock, 'sleep'>;
  readonly prove: ArrivalDeps['prove'];
}

/** So long the proof of a tar of `bytes` may take, ms, before it is left to extraction. */
export function longestProofMs(bytes: number): number {
  return SLOW_MS + bytes / SLOW_BYTES_PER_MS;
}

/** What is known of a tar that took longer than `forMs` to read. */
export function unprovedIn(forMs: number): Proof {
  return { kind: 'unproved', reason: `it took longer than ${Math.round(forMs / 1000)} s to read` };
}

/** The proof of a tar; undefined if it takes longer than `forMs`, as that of a bomb does. Rejects as `prove` does. */
export async function proveWithin(
  { clock, prove }: ProofDeps,
  path: string,
  forMs: number,
  stopping: AbortSignal,
): Promise<Proof | undefined> {
  const cut = new AbortController();
  const ended = new AbortController();
  const stop = (): void => cut.abort(stopping.reason);
  if (stopping.aborted) stop();
  stopping.addEventListener('abort', stop, { once: true });
  let isLate = false;
  const waitForIt = async (): Promise<void> => {
    await clock.sleep(forMs, ended.signal);
    if (ended.signal.aborted) return;
    isLate = true;
    cut.abort(new Error('it took too long'));
  };
  const timer = waitForIt();
  try {
    return await prove(path, cut.signal);
  } catch (error) {
    if (!isLate || stopping.aborted) throw error;
    return undefined;
  } finally {
    stopping.removeEventListener('abort', stop);
    ended.abort(ENDED);
    await timer;
  }
}
