import { messageOf } from '../../domain/faults.ts';
import { createPendingTars, type PendingTars, type Candidate, type Wait } from './pending-tars.ts';
import type { ArrivalDeps } from './deps.ts';
import { isSameVersion, lookAt, lookForMarker } from './look.ts';
import { createEnqueuer } from './enqueuer.ts';
import { proveInTime } from './prove-in-time.ts';
import { LOOK_AGAIN_MS, readiness, type Readiness } from './readiness.ts';
import { createFairOrder } from './fair-order.ts';

/**
 * Proofs read whole tars: more at once only make the disk seek. As many are for tars whose proof takes long, so that these hold
 * up only their like.
 */
const CONSUMERS = 2;
const READ_AGAIN_MS = 30_000;

const TURN: Wait = { reason: 'waiting', detail: 'it is whole and waits for its turn' };
const MAY_COME = 'more may come, so it is waited for (arrival.incompleteAfterSeconds)';

/** The tars that were seen and are not queued yet. */
export interface Tracker extends Pick<PendingTars, 'observe' | 'has' | 'size' | 'candidates'> {
  /** Tars queued since the start. */
  queued(): number;
  /** Ends proofs; resolves when nothing runs any more. What was not queued is found again by the next rescan. */
  stop(): Promise<void>;
}

/** Starts without pending tars. Nothing here rejects: what fails is reported and tried again. */
export function startTracker(deps: ArrivalDeps): Tracker {
  const { clock, settings } = deps;
  const stopping = new AbortController();
  const turns = createFairOrder(deps.incoming, settings.order);
  const pending = createPendingTars(clock, settings, turns);
  const enqueuer = createEnqueuer(deps, { pending, turns }, stopping.signal);

  const consumer = async (slow: boolean): Promise<void> => {
    while (!stopping.signal.aborted) {
      const candidate = pending.next(slow);
      if (typeof candidate === 'number') {
        await pending.sleepUntil(candidate, stopping.signal);
        continue;
      }
      await examine(candidate);
    }
  };

  const examine = async (candidate: Candidate): Promise<void> => {
    try {
      if (!(await isUnchanged(pending, candidate))) return;
      let decision = await decide(deps, candidate);
      if (decision.kind === 'prove') {
        const proof = await proveInTime(deps, candidate, stopping.signal);
        if (proof === undefined) {
          pending.slowDown(candidate);
          return pending.lookAgainIn(candidate, 0);
        }
        if (!(await isUnchanged(pending, candidate))) return; // it was another version's bytes
        candidate.proof = proof;
        decision = await decide(deps, candidate);
      }
      carryOut(candidate, decision);
    } catch (err) {
      if (stopping.signal.aborted) return;
      tellUnreadable(deps, candidate, err);
      pending.lookAgainIn(candidate, READ_AGAIN_MS);
    }
  };

  const carryOut = (candidate: Candidate, decision: Readiness): void => {
    tell(deps, candidate, decision);
    const { wait, forMs } = waitAfter(decision);
    if (wait !== undefined) candidate.wait = wait;
    if (forMs === undefined) enqueuer.push(candidate);
    else pending.lookAgainIn(candidate, forMs);
  };

  const consumers = Promise.all(Array.from({ length: 2 * CONSUMERS }, (_, i) => consumer(i >= CONSUMERS)));

  return {
    observe: pending.observe,
    has: pending.has,
    size: pending.size,
    candidates: pending.candidates,
    queued: enqueuer.queued,
    stop: async () => {
      stopping.abort(new Error('arrival was stopped'));
      await consumers;
      await enqueuer.ended();
    },
  };
}

function tellUnreadable({ report }: ArrivalDeps, candidate: Candidate, err: unknown): void {
  candidate.wait = { reason: 'unreadable', detail: messageOf(err) };
  if (!candidate.reported) report('tar unreadable', { tar: candidate.version.path, err });
  candidate.reported = true;
}

/** Drops a tar that vanished and takes up one that changed. */
async function isUnchanged(pending: PendingTars, candidate: Candidate): Promise<boolean> {
  const found = await lookAt(candidate.version.path);
  if (!pending.isOpen(candidate)) return false;
  if (found === undefined) {
    pending.remove(candidate);
    return false;
  }
  if (isSameVersion(found, candidate.version)) return true;
  pending.observe(found, candidate.by);
  return false;
}

async function decide(
  { clock, settings }: ArrivalDeps,
  { version, seenAtMs, proof }: Candidate,
): Promise<Readiness> {
  const doneMarker = await lookForMarker(version.path, settings.doneMarker);
  return readiness({
    unchangedMs: clock.monotonicMs() - seenAtMs,
    quietMs: settings.quietSeconds * 1000,
    doneMarker,
    proof,
    incompleteAfterMs: settings.incompleteAfterSeconds * 1000,
  });
}

/** What a tar waits for after a decision, and for how long; without a time it is handed on. */
function waitAfter(decision: Readiness): { readonly wait?: Wait; readonly forMs?: number } {
  switch (decision.kind) {
    case 'wait': {
      const { marker, reason: detail, forMs } = decision;
      return { wait: { reason: marker === 'missing' ? 'no marker' : 'waiting', detail }, forMs };
    }
    case 'prove': // not after a proof; were it so, the next look would do it
      return { forMs: LOOK_AGAIN_MS };
    case 'incomplete':
      return { wait: { reason: 'incomplete', detail: decision.reason }, forMs: decision.forMs };
    case 'doubtful': {
      const { isUsual, reason } = decision.doubt;
      const wait: Wait = { reason: isUsual ? 'waiting' : 'incomplete', detail: `${reason}: ${MAY_COME}` };
      return { wait, forMs: decision.forMs };
    }
    case 'give up':
    case 'ready':
      return { wait: TURN };
    default:
      return decision satisfies never;
  }
}

/** Reports what ails a tar, once. */
function tell({ report, settings }: ArrivalDeps, candidate: Candidate, decision: Readiness): void {
  const { path: tar, size: bytes } = candidate.version;
  if (decision.kind === 'give up') {
    const afterSeconds = settings.incompleteAfterSeconds;
    return report('tar given up', { tar, bytes, reason: decision.reason, afterSeconds });
  }
  if (decision.kind !== 'incomplete' && decision.kind !== 'doubtful') return undefined;
  const { reported } = candidate;
  candidate.reported = true;
  if (reported) return undefined;
  if (decision.kind === 'incomplete')
    return report('tar incomplete', { tar, bytes, reason: decision.reason });
  const { isUsual, reason } = decision.doubt;
  if (!isUsual) report('tar doubtful', { tar, bytes, reason });
  return undefined;
}
