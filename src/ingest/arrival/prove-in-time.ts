import type { Candidate } from './pending-tars.ts';
import type { Proof } from './proof.ts';
import { longestProofMs, proveWithin, unprovedIn, type ProofDeps } from './prove-within.ts';

/** So long a proof may take where others wait for it. */
export const QUICK_MS = 2000;
/** The more tars of a stream have turned out to take long, the sooner it is believed of its next ones. */
const SOONEST_MS = 100;

/** The proof of a tar; undefined if it takes too long for a round that others wait in. Rejects as `prove` does. */
export async function proveInTime(
  deps: ProofDeps,
  { path, version, slow, streams }: Candidate,
  stopping: AbortSignal,
): Promise<Proof | undefined> {
  if (!slow)
    return proveWithin(deps, path, Math.max(QUICK_MS / (1 + streams.top.slow), SOONEST_MS), stopping);
  const forMs = longestProofMs(version.size);
  return (await proveWithin(deps, path, forMs, stopping)) ?? unprovedIn(forMs);
}
