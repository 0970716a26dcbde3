import type { Clock } from '../../platform/runtime/index.ts';
import type { Candidate } from './pending-tars.ts';
import type { ArrivalDeps } from './deps.ts';
import type { Proof } from './proof.ts';

/** So long a proof may take where others wait for it. */
const QUICK_MS = 2000;
/** The more tars of a stream have turned out to take long, the sooner it is believed of its next ones. */
const SOONEST_MS = 100;
/** What proves nothing within this time is left to extraction, which counts what it unpacks. */
const SLOW_MS = 60_000;
const SLOW_BYTES_PER_MS = 5000;
/** One for all proofs: an error, and a signal made of others, for each took a quarter of what a hundred thousand tars cost. */
const ENDED = new Error('the proof has ended');

/** The proof of a tar; undefined if it takes too long for a lane that others wait for. Rejects as `prove` does. */
export async function proveInTime(
  { clock, prove }: { readonly clock: Clock; readonly prove: ArrivalDeps['prove'] },
  { path, version, slow, streams }: Candidate,
  stopping: AbortSignal,
): Promise<Proof | undefined> {
  const forMs = slow
    ? SLOW_MS + version.size / SLOW_BYTES_PER_MS
    : Math.max(QUICK_MS / (1 + streams.top.slow), SOONEST_MS);
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
    return slow
      ? { kind: 'unproved', reason: `it took longer than ${Math.round(forMs / 1000)} s to read` }
      : undefined;
  } finally {
    stopping.removeEventListener('abort', stop);
    ended.abort(ENDED);
    await timer;
  }
}
