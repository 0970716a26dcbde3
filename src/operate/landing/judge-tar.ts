import {
  lookForMarker,
  proveWithin,
  readiness,
  unprovedIn,
  type ArrivalDeps,
  type Proof,
  type TarOnDisk,
  type Untaken,
} from '../../ingest/arrival/index.ts';
import { messageOf } from '../../domain/faults.ts';

export interface JudgeDeps extends Pick<ArrivalDeps, 'settings' | 'clock' | 'prove'> {
  /** Whether a watch role runs, which takes what is whole. */
  readonly isWatched: boolean;
}

/** Proofs bound themselves: who asks what lies there does not wait for a bomb. */
const PROOF_MS = 5000;

/** Why that tar is not taken yet, as arrival would see it had it come when it last changed. Never rejects. */
export async function judgeTar(deps: JudgeDeps, tar: TarOnDisk, signal: AbortSignal): Promise<Untaken> {
  const { settings, clock } = deps;
  const facts = {
    unchangedMs: Math.max(0, clock.now() - tar.ctimeMs),
    quietMs: settings.quietSeconds * 1000,
    incompleteAfterMs: settings.incompleteAfterSeconds * 1000,
  };
  try {
    const doneMarker = await lookForMarker(tar.path, settings.doneMarker);
    const first = readiness({ ...facts, doneMarker, proof: undefined });
    if (first.kind !== 'prove') return untaken(deps, tar, first);
    return untaken(deps, tar, readiness({ ...facts, doneMarker, proof: await proofOf(deps, tar, signal) }));
  } catch (error) {
    return asUntaken(tar, 'unreadable', messageOf(error), 0);
  }
}

/** A tar that was not looked into. */
export function notJudged(deps: Pick<JudgeDeps, 'settings' | 'isWatched'>, tar: TarOnDisk): Untaken {
  return asUntaken(tar, 'waiting', 'it waits to be taken', patienceOf(deps));
}

async function proofOf(deps: JudgeDeps, tar: TarOnDisk, signal: AbortSignal): Promise<Proof> {
  try {
    return (await proveWithin(deps, tar.path, PROOF_MS, signal)) ?? unprovedIn(PROOF_MS);
  } catch (error) {
    if (!signal.aborted) throw error;
    return { kind: 'unproved', reason: 'it takes long to read' };
  }
}

function untaken(deps: JudgeDeps, tar: TarOnDisk, decision: ReturnType<typeof readiness>): Untaken {
  if (decision.kind === 'wait')
    return decision.marker === 'missing'
      ? asUntaken(tar, 'no marker', decision.reason, 0)
      : asUntaken(tar, 'waiting', decision.reason, Infinity);
  if (decision.kind === 'incomplete' || decision.kind === 'give up')
    return asUntaken(tar, 'incomplete', decision.reason, 0);
  if (decision.kind !== 'doubtful') return notJudged(deps, tar);
  const { isUsual, reason } = decision.doubt;
  const detail = `${reason}: more may come`;
  return isUsual ? asUntaken(tar, 'waiting', detail, Infinity) : asUntaken(tar, 'incomplete', detail, 0);
}

function patienceOf({ settings, isWatched }: Pick<JudgeDeps, 'settings' | 'isWatched'>): number {
  return isWatched ? Infinity : settings.incompleteAfterSeconds * 1000;
}

function asUntaken(tar: TarOnDisk, reason: Untaken['reason'], detail: string, patienceMs: number): Untaken {
  const { path, size: bytes, ctimeMs: changedMs } = tar;
  return { path, reason, detail, bytes, changedMs, patienceMs };
}
