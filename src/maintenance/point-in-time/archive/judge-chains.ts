import type { Archive, Chain } from './chain.ts';
import type { SegmentName } from './names.ts';
import { usualStep } from '../../retention/index.ts';

/** What becomes of one chain, or of records that no full backup leads to. */
export interface Judgement {
  readonly keep: boolean;
  readonly reason: string;
  readonly chain: Chain | undefined;
  readonly segments: readonly SegmentName[];
}

const DAY_MS = 86_400_000;
/** Two looks at a clock that is being steered may differ by so much. */
const CLOCK_SLACK_MS = 10 * 60_000;
/** A step from one full backup to the next is out of the ordinary beyond two usual ones, and beyond this or the window, if that is less. */
const LEAST_LEAP_MS = 4 * DAY_MS;

/**
 * Which chains may go at `now` (ms since 1970) when every point of the last `keepMs` must stay, counted back from the newest
 * verified point. Only whole chains go, only the oldest, and only when a later one that is whole, verified to its end and older
 * than the window stays: the full backup before the window and all that follows. With nothing verified, nothing goes. Nothing goes on
 * the word of a time in the future, of a database that was emptied, or of a clock that made a leap until another full backup bears it
 * out. Pure.
 */
export function judgeChains(
  archive: Archive,
  chains: readonly Chain[],
  keepMs: number,
  now: number,
): readonly Judgement[] {
  const stranded = strandedSegments(archive, chains);
  const newest = chains.findLastIndex((chain) => isBelieved(chain, now));
  const cutoff = cutoffOf(chains, newest, keepMs, now);
  const anchor = anchorOf(chains, newest, cutoff);
  return [
    ...(stranded.length > 0
      ? [
          {
            keep: false,
            reason: 'no full backup leads to these records',
            chain: undefined,
            segments: stranded,
          },
        ]
      : []),
    ...chains.map((chain, index) => ({
      keep: index >= anchor,
      reason: reasonFor(index, anchor, newest, chains, cutoff),
      chain,
      segments: chain.segments,
    })),
  ];
}

/** Whether older points may go for this chain: it was verified, holds something, and no time of it lies in the future. */
function isBelieved({ fullBackup }: Chain, now: number): boolean {
  const { verified, at, pageCount } = fullBackup;
  if (verified === undefined || pageCount === 0) return false;
  return Math.max(at, verified.through.at) <= now + CLOCK_SLACK_MS;
}

/** The beginning of the window. */
function cutoffOf(chains: readonly Chain[], newest: number, keepMs: number, now: number): number {
  const chain = chains[newest];
  if (chain?.fullBackup.verified === undefined) return Number.NEGATIVE_INFINITY;
  const times = chains
    .slice(0, newest)
    .map(({ fullBackup }) => fullBackup.at)
    .filter((at) => at <= now + CLOCK_SLACK_MS)
    .toReversed();
  const [before] = times;
  const usualMs = usualStep(times) ?? 0;
  const leapMs = Math.max(2 * usualMs, Math.min(LEAST_LEAP_MS, keepMs));
  const isLeap = before !== undefined && usualMs > 0 && chain.fullBackup.at - before > leapMs;
  return (isLeap ? before : chain.fullBackup.verified.through.at) - keepMs;
}

/** The chain that begins what stays: the last one that may. */
function anchorOf(chains: readonly Chain[], newest: number, cutoff: number): number {
  const candidate = chains.findLastIndex(
    (chain, index) =>
      index <= newest && chain.fullBackup.at <= cutoff && isProven(chain, index === chains.length - 1),
  );
  return Math.max(0, candidate);
}

/** True for a chain without a hole that was restored to its end; to any point, while it still grows. */
function isProven({ fullBackup, missing, end }: Chain, growing: boolean): boolean {
  if (fullBackup.verified === undefined || missing.length > 0) return false;
  return growing || fullBackup.verified.through.position >= end.position;
}

function reasonFor(
  index: number,
  anchor: number,
  newest: number,
  chains: readonly Chain[],
  cutoff: number,
): string {
  if (index < anchor) return 'a later verified chain covers the whole window';
  if (newest === -1) return 'nothing is verified yet';
  if (index === newest) return 'the newest verified chain';
  const next = chains[index + 1];
  if (next !== undefined && next.fullBackup.at <= cutoff)
    return 'the chain after it is not verified to its end';
  if ((chains[index]?.fullBackup.at ?? 0) <= cutoff) return 'the full backup before the window';
  return 'inside the window';
}

/** Records older than every full backup: a crash while a chain was deleted left them. */
function strandedSegments({ segments }: Archive, chains: readonly Chain[]): readonly SegmentName[] {
  const [first] = chains;
  if (first === undefined) return [];
  return segments.filter(({ last }) => last <= first.fullBackup.position);
}
