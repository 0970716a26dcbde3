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

/** Starts with an empty book. Nothing here rejects: what fails is reported and tried again. */
export function startTracker(deps: ArrivalDeps): Tracker {
  const { clock, report, settings } = deps;
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
    const tar = candidate.version.path;
    try {
      if (!(await isUnchanged(candidate))) return;
      let decision = await decide(candidate);
      if (decision.kind === 'prove') {
        const proof = await proveInTime(deps, candidate, stopping.signal);
        if (proof === undefined) {
          pending.slowDown(candidate);
          return pending.lookAgainIn(candidate, 0);
        }
        if (!(await isUnchanged(candidate))) return; // it was another version's bytes
        candidate.proof = proof;
        decision = await decide(candidate);
      }
      carryOut(candidate, decision);
    } catch (err) {
      if (stopping.signal.aborted) return;
      candidate.wait = { reason: 'unreadable', detail: messageOf(err) };
      if (!candidate.reported) report('tar unreadable', { tar, err });
      candidate.reported = true;
      pending.lookAgainIn(candidate, READ_AGAIN_MS);
    }
  };

  /** Drops a tar that vanished and takes up one that changed. */
  const isUnchanged = async (candidate: Candidate): Promise<boolean> => {
    const found = await lookAt(candidate.version.path);
    if (!pending.isOpen(candidate)) return false;
    if (found === undefined) {
      pending.remove(candidate);
      return false;
    }
    if (isSameVersion(found, candidate.version)) return true;
    pending.observe(found, candidate.by);
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
        candidate.wait = {
          reason: decision.marker === 'missing' ? 'no marker' : 'waiting',
          detail: decision.reason,
        };
        return pending.lookAgainIn(candidate, decision.forMs);
      case 'prove': // not after a proof; were it so, the next look would do it
        return pending.lookAgainIn(candidate, LOOK_AGAIN_MS);
      case 'incomplete':
        if (!candidate.reported) report('tar incomplete', { tar, bytes, reason: decision.reason });
        candidate.reported = true;
        candidate.wait = { reason: 'incomplete', detail: decision.reason };
        return pending.lookAgainIn(candidate, decision.forMs);
      case 'doubtful': {
        const { isUsual, reason } = decision.doubt;
        if (!candidate.reported && !isUsual) report('tar doubtful', { tar, bytes, reason });
        candidate.reported = true;
        candidate.wait = { reason: isUsual ? 'waiting' : 'incomplete', detail: `${reason}: ${MAY_COME}` };
        return pending.lookAgainIn(candidate, decision.forMs);
      }
      case 'give up': {
        const { reason } = decision;
        report('tar given up', { tar, bytes, reason, afterSeconds: settings.incompleteAfterSeconds });
        return hand(candidate);
      }
      case 'ready':
        return hand(candidate);
    }
  };

  const hand = (candidate: Candidate): void => {
    candidate.wait = TURN;
    enqueuer.push(candidate);
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
