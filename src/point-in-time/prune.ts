import type { Archive, Chain } from './chain.ts';
import type { SegmentName } from './names.ts';

/** What becomes of one chain, or of records that no base leads to. */
export interface Judgement {
  readonly keep: boolean;
  readonly reason: string;
  readonly chain: Chain | undefined;
  readonly segments: readonly SegmentName[];
}

/**
 * Which chains may go when every point of the last `keepMs` must stay, counted back from the newest verified point. Only
 * whole chains go, only the oldest, and only when a later one that is whole, verified to its end and older than the window
 * stays: the base before the window and all that follows. With nothing verified, nothing goes. Pure.
 */
export function judgeChains(
  archive: Archive,
  chains: readonly Chain[],
  keepMs: number,
): readonly Judgement[] {
  const stranded = strandedSegments(archive, chains);
  const newest = chains.findLastIndex(({ base }) => base.verified !== undefined);
  const anchor = anchorOf(chains, newest, keepMs);
  return [
    ...(stranded.length > 0
      ? [{ keep: false, reason: 'no base leads to these records', chain: undefined, segments: stranded }]
      : []),
    ...chains.map((chain, index) => ({
      keep: index >= anchor,
      reason: reasonFor(index, anchor, newest, chains, keepMs),
      chain,
      segments: chain.segments,
    })),
  ];
}

/** The chain that begins what stays: the last one that may. */
function anchorOf(chains: readonly Chain[], newest: number, keepMs: number): number {
  const verified = chains[newest]?.base.verified;
  if (verified === undefined) return 0;
  const cutoff = verified.through.at - keepMs;
  const candidate = chains.findLastIndex(
    (chain, index) =>
      index <= newest && chain.base.at <= cutoff && isProven(chain, index === chains.length - 1),
  );
  return Math.max(0, candidate);
}

/** True for a chain without a hole that was restored to its end; to any point, while it still grows. */
function isProven({ base, missing, end }: Chain, growing: boolean): boolean {
  if (base.verified === undefined || missing.length > 0) return false;
  return growing || base.verified.through.position >= end.position;
}

function reasonFor(
  index: number,
  anchor: number,
  newest: number,
  chains: readonly Chain[],
  keepMs: number,
): string {
  if (index < anchor) return 'a later verified chain covers the whole window';
  const verified = chains[newest]?.base.verified;
  if (verified === undefined) return 'nothing is verified yet';
  if (index === newest) return 'the newest verified chain';
  const cutoff = verified.through.at - keepMs;
  const next = chains[index + 1];
  if (next !== undefined && next.base.at <= cutoff) return 'the chain after it is not verified to its end';
  if ((chains[index]?.base.at ?? 0) <= cutoff) return 'the base before the window';
  return 'inside the window';
}

/** Records older than every base: a crash while a chain was deleted left them. */
function strandedSegments({ segments }: Archive, chains: readonly Chain[]): readonly SegmentName[] {
  const [first] = chains;
  if (first === undefined) return [];
  return segments.filter(({ last }) => last <= first.base.position);
}
