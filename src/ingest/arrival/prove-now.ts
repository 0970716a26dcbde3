import type { TarVersion } from '../../domain/tar.ts';
import type { ArrivalDeps } from './deps.ts';
import { isSameVersion, lookAt, lookForMarker, versionOf } from './look.ts';
import { readiness, type Readiness } from './readiness.ts';
import { unknownTars } from './rescan.ts';
import type { ScanTold } from './scan.ts';
import { inArrivalOrder } from './fair-order.ts';
import type { Proof } from './proof.ts';
import { QUICK_MS } from './prove-in-time.ts';
import { longestProofMs, proveWithin, unprovedIn } from './prove-within.ts';

const AT_ONCE = 2;
const BATCH = 500;
/** So long those may take in all that take long: an operator waits, and another user's bombs are not worth that. */
const PATIENCE_MS = 3 * 60_000;
const LEFT = 'it takes long to read, and so did others: the watch role goes on with it';
/** What is asked by hand ends with its process. */
const NEVER = new AbortController().signal;

/** What one pass needs. */
export type ProveDeps = Omit<ArrivalDeps, 'waiting' | 'underWay' | 'afterRescan'>;

export interface ProofSummary {
  readonly queued: TarVersion[];
  readonly incomplete: { readonly path: string; readonly reason: string }[];
  /** Tars that need no queueing. */
  readonly known: number;
  /** Tars in the landing directory. */
  readonly tars: number;
}

/**
 * Scans once, waits one quiet period, and queues every unknown tar that is complete by then, newest or oldest first. Those that take
 * long to read come behind all others, and what three minutes do not suffice for stays incomplete.
 * Rejects when `known` or `queue` does; safe to repeat.
 */
export async function proveOnce(
  deps: ProveDeps,
  told: Pick<ScanTold, 'untaken'> = {},
): Promise<ProofSummary> {
  const counts = { tars: 0, known: 0 };
  const seen: TarVersion[] = [];
  const seenAtMs = new Map<TarVersion, number>();
  for await (const batch of unknownTars(deps, counts, told)) {
    for (const version of batch.map(versionOf)) {
      seen.push(version);
      seenAtMs.set(version, deps.clock.monotonicMs());
    }
  }
  if (seen.length > 0) await deps.clock.sleep(Math.ceil(deps.settings.quietSeconds * 1000) + 1);

  const ready: TarVersion[] = [];
  const incomplete: { path: string; reason: string }[] = [];
  const now = deps.clock.now();
  const compare = inArrivalOrder(deps.settings.order);
  const orderOf = ({ path, mtimeMs }: TarVersion) => ({ path, orderMs: Math.min(mtimeMs, now) });
  const byOrder = (a: TarVersion, b: TarVersion): number => compare(orderOf(a), orderOf(b));
  const slow: TarVersion[] = [];
  const note = (version: TarVersion, decision: Judgement | undefined): void => {
    if (decision === undefined) return;
    if (decision.kind === 'late') slow.push(version);
    else if (decision.kind === 'ready' || decision.kind === 'give up') ready.push(version);
    else incomplete.push({ path: version.path, reason: reasonOf(decision) });
  };
  const judgeAll = async (
    versions: readonly TarVersion[],
    forMsOf: (version: TarVersion) => number,
  ): Promise<void> => {
    const inOrder = versions.toSorted(byOrder).values();
    const consumer = async (): Promise<void> => {
      for (const version of inOrder)
        note(version, await judge(deps, version, seenAtMs.get(version) ?? Infinity, forMsOf(version)));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, consumer));
  };
  await judgeAll(seen, () => QUICK_MS);
  const until = deps.clock.monotonicMs() + PATIENCE_MS;
  await judgeAll(slow.splice(0), ({ size }) =>
    Math.min(longestProofMs(size), until - deps.clock.monotonicMs()),
  );
  for (const { path } of slow) incomplete.push({ path, reason: LEFT });

  const queued = ready.toSorted(byOrder);
  for (let from = 0; from < queued.length; from += BATCH) await deps.queue(queued.slice(from, from + BATCH));
  return { queued, incomplete, ...counts };
}

function reasonOf(decision: Exclude<Judgement, { kind: 'ready' | 'give up' | 'late' }>): string {
  return decision.kind === 'doubtful' ? `${decision.doubt.reason}: more may come` : decision.reason;
}

/** `late`: its proof takes longer than it may. */
type Judgement = Exclude<Readiness, { kind: 'prove' }> | { readonly kind: 'late' };

/** Looks at one tar, proving it for so long if need be; undefined when it vanished. */
async function judge(
  deps: ProveDeps,
  version: TarVersion,
  seenAtMs: number,
  forMs: number,
): Promise<Judgement | undefined> {
  const { settings, clock } = deps;
  const { path } = version;
  const changing: Judgement = { kind: 'wait', forMs: 0, reason: 'still changing' };
  try {
    const before = await lookAt(path);
    if (before === undefined) return undefined;
    if (!isSameVersion(before, version)) return changing;
    const facts = {
      unchangedMs: clock.monotonicMs() - seenAtMs,
      quietMs: settings.quietSeconds * 1000,
      doneMarker: await lookForMarker(path, settings.doneMarker),
      incompleteAfterMs: settings.incompleteAfterSeconds * 1000,
    };
    const first = readiness({ ...facts, proof: undefined });
    if (first.kind !== 'prove') return first;
    const proof = await proofIn(deps, version, forMs);
    if (proof === undefined) return { kind: 'late' };
    const after = await lookAt(path);
    if (after === undefined) return undefined;
    const second = isSameVersion(after, version) ? readiness({ ...facts, proof }) : changing;
    return second.kind === 'prove' ? changing : second;
  } catch (err) {
    deps.report('tar unreadable', { tar: path, err });
    return { kind: 'wait', forMs: 0, reason: err instanceof Error ? err.message : String(err) };
  }
}

async function proofIn(
  deps: ProveDeps,
  { path, size }: TarVersion,
  forMs: number,
): Promise<Proof | undefined> {
  if (forMs <= 0) return undefined;
  const found = await proveWithin(deps, path, forMs, NEVER);
  const enoughMs = longestProofMs(size);
  return found ?? (forMs < enoughMs ? undefined : unprovedIn(enoughMs));
}
