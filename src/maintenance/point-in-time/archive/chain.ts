import type { BaseDescription, Verification } from './format.ts';
import type { SegmentName } from './names.ts';

// An archive is one line of records with bases on it. A chain is a base and the records up to the next base. Pure.

export interface Base extends BaseDescription {
  readonly verified: Verification | undefined;
}

/** What an archive holds; bases and segments in the order of their positions, none of them twice. */
export interface Archive {
  readonly bases: readonly Base[];
  readonly segments: readonly SegmentName[];
  /** Segments that another one holds whole: a crash left them behind a merge. */
  readonly duplicates: readonly SegmentName[];
  /** Files whose content is not what it should be. */
  readonly damaged: readonly string[];
}

export interface Chain {
  readonly base: Base;
  /** The segments that hold records between this base and the next one. */
  readonly segments: readonly SegmentName[];
  /** Missing positions; none when the chain is whole. */
  readonly missing: readonly { readonly first: number; readonly last: number }[];
  /** The last point that can be reached from the base. */
  readonly end: { readonly position: number; readonly at: number };
  /** Points that can be reached, the base among them. */
  readonly points: number;
}

export function arrange(
  bases: readonly Base[],
  segments: readonly SegmentName[],
  damaged: readonly string[],
): Archive {
  const sorted = segments.toSorted((a, b) => a.first - b.first || b.last - a.last);
  const kept: SegmentName[] = [];
  const duplicates: SegmentName[] = [];
  for (const segment of sorted) {
    const before = kept.at(-1);
    if (before !== undefined && segment.last <= before.last) duplicates.push(segment);
    else kept.push(segment);
  }
  return { bases: bases.toSorted((a, b) => a.position - b.position), segments: kept, duplicates, damaged };
}

/** The chains of an archive, oldest first. */
export function chainsOf({ bases, segments }: Archive): readonly Chain[] {
  return bases.map((base, index) => {
    const next = bases[index + 1];
    const own = segments.filter(
      ({ first, last }) => last > base.position && (next === undefined || first <= next.position),
    );
    return chainOf(base, own, next);
  });
}

function chainOf(base: Base, segments: readonly SegmentName[], next: Base | undefined): Chain {
  const missing: { first: number; last: number }[] = [];
  let end = { position: base.position, at: base.at };
  let points = 1;
  let expected = base.position + 1;
  for (const segment of segments) {
    if (segment.first > expected) missing.push({ first: expected, last: segment.first - 1 });
    if (missing.length === 0) {
      end = { position: segment.last, at: segment.to };
      points += segment.points;
    }
    expected = Math.max(expected, segment.last + 1);
  }
  if (next?.continues === true && expected <= next.position) {
    missing.push({ first: expected, last: next.position });
  }
  return { base, segments, missing, end, points };
}

/** What is after the last record: its position, and where it is found. */
export function headOf(archive: Archive): { readonly position: number; readonly at: number } | undefined {
  const base = archive.bases.at(-1);
  const segment = archive.segments.at(-1);
  if (segment !== undefined && segment.last > (base?.position ?? 0)) {
    return { position: segment.last, at: segment.to };
  }
  return base === undefined ? undefined : { position: base.position, at: base.at };
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** From the first base to the last point that can be reached; undefined when nothing can. */
export function rangeOf(chains: readonly Chain[]): Range | undefined {
  const [first] = chains;
  const last = chains.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return { from: first.base.at, to: Math.max(last.end.at, last.base.at) };
}

export type Choice =
  | {
      readonly kind: 'restore';
      readonly chain: Chain;
      /** The segment that holds the point; undefined when it is the base itself. */
      readonly segment: SegmentName | undefined;
    }
  | { readonly kind: 'outside' }
  | {
      readonly kind: 'unreachable';
      readonly missing: readonly { readonly first: number; readonly last: number }[];
      readonly reachable: number;
    };

/**
 * Where the last state captured at or before `at` lies. When the clock was set back in between, the later position counts.
 */
export function choosePoint(chains: readonly Chain[], at: number): Choice {
  for (const chain of chains.toReversed()) {
    const segment = chain.segments.findLast(({ from }) => from <= at);
    if (segment === undefined && chain.base.at > at) continue;
    const [lost] = chain.missing;
    const last = segment?.last ?? chain.base.position;
    // what is missing right behind the point was captured between it and `at`, or after `at`: nobody knows any more
    if (lost !== undefined && (last > lost.first || (last === lost.first - 1 && at > chain.end.at))) {
      return { kind: 'unreachable', missing: chain.missing, reachable: chain.end.at };
    }
    return { kind: 'restore', chain, segment };
  }
  return { kind: 'outside' };
}

/**
 * The chains by which a state of `chain` can be reached: itself, then from older bases through all that lies between, as long
 * as nothing is missing there. At most three: further back it is a matter for an operator.
 */
export function waysTo(chains: readonly Chain[], chain: Chain): readonly Chain[] {
  const ways = [chain];
  let index = chains.indexOf(chain);
  while (index > 0 && ways.length < 3) {
    const older = chains[index - 1];
    const [shorter] = ways.slice(-1);
    if (older === undefined || shorter === undefined) break;
    if (chains[index]?.base.continues !== true || older.missing.length > 0) break;
    ways.push({ ...shorter, base: older.base, segments: [...older.segments, ...shorter.segments] });
    index -= 1;
  }
  return ways;
}

export interface BaseRules {
  /** A new base when the last one is this old. */
  readonly everyMs: number;
  /** … or when the records behind it take more room than it does, and more than this. */
  readonly leastRecordBytes: number;
}

const DAY_MS = 86_400_000;
const MIB = 1024 * 1024;

/** A base every day, or as often as points are dropped if that is more often, but not with every capture. */
export function baseRules({ every, keep }: { readonly every: number; readonly keep: number }): BaseRules {
  return { everyMs: Math.max(every, Math.min(DAY_MS, keep)), leastRecordBytes: 256 * MIB };
}

/** Why a new base is due; undefined when none is. */
export function baseDue(
  base: Pick<BaseDescription, 'at' | 'storedBytes'> | undefined,
  recordBytes: number,
  now: number,
  rules: BaseRules,
): string | undefined {
  if (base === undefined) return 'the first one';
  if (now - base.at >= rules.everyMs || now < base.at) return 'the last one is old enough';
  if (recordBytes > Math.max(rules.leastRecordBytes, base.storedBytes)) return 'the records outgrew it';
  return undefined;
}
