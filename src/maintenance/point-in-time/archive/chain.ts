import type { FullBackupDescription, Verification } from './format.ts';
import type { SegmentName } from './names.ts';

// An archive is one timeline, a line of records with full backups on it. A chain is a full backup and the records up to the next full backup. Pure.

export interface FullBackup extends FullBackupDescription {
  readonly verified: Verification | undefined;
}

/** What an archive holds; full backups and segments in the order of their positions, none of them twice. */
export interface Archive {
  readonly fullBackups: readonly FullBackup[];
  readonly segments: readonly SegmentName[];
  /** Segments that another one holds whole: a crash left them behind a merge. */
  readonly duplicates: readonly SegmentName[];
  /** Files whose content is not what it should be. */
  readonly damaged: readonly string[];
}

export interface Chain {
  readonly fullBackup: FullBackup;
  /** The segments that hold records between this full backup and the next one. */
  readonly segments: readonly SegmentName[];
  /** Missing positions; none when the chain is whole. */
  readonly missing: readonly { readonly first: number; readonly last: number }[];
  /** The last point that can be reached from the full backup. */
  readonly end: { readonly position: number; readonly at: number };
  /** Points that can be reached, the full backup among them. */
  readonly points: number;
}

export function arrange(
  fullBackups: readonly FullBackup[],
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
  return {
    fullBackups: fullBackups.toSorted((a, b) => a.position - b.position),
    segments: kept,
    duplicates,
    damaged,
  };
}

/** The chains of an archive, oldest first. */
export function chainsOf({ fullBackups, segments }: Archive): readonly Chain[] {
  return fullBackups.map((fullBackup, index) => {
    const next = fullBackups[index + 1];
    const own = segments.filter(
      ({ first, last }) => last > fullBackup.position && (next === undefined || first <= next.position),
    );
    return chainOf(fullBackup, own, next);
  });
}

function chainOf(
  fullBackup: FullBackup,
  segments: readonly SegmentName[],
  next: FullBackup | undefined,
): Chain {
  const missing: { first: number; last: number }[] = [];
  let end = { position: fullBackup.position, at: fullBackup.at };
  let points = 1;
  let expected = fullBackup.position + 1;
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
  return { fullBackup, segments, missing, end, points };
}

/** What is after the last record: its position, and where it is found. */
export function headOf(archive: Archive): { readonly position: number; readonly at: number } | undefined {
  const fullBackup = archive.fullBackups.at(-1);
  const segment = archive.segments.at(-1);
  if (segment !== undefined && segment.last > (fullBackup?.position ?? 0)) {
    return { position: segment.last, at: segment.to };
  }
  return fullBackup === undefined ? undefined : { position: fullBackup.position, at: fullBackup.at };
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** From the first full backup to the last point that can be reached; undefined when nothing can. */
export function rangeOf(chains: readonly Chain[]): Range | undefined {
  const [first] = chains;
  const last = chains.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return { from: first.fullBackup.at, to: Math.max(last.end.at, last.fullBackup.at) };
}

export type Choice =
  | {
      readonly kind: 'restore';
      readonly chain: Chain;
      /** The segment that holds the point; undefined when it is the full backup itself. */
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
    if (segment === undefined && chain.fullBackup.at > at) continue;
    const [lost] = chain.missing;
    const last = segment?.last ?? chain.fullBackup.position;
    // what is missing right behind the point was captured between it and `at`, or after `at`: it is not known any more
    if (lost !== undefined && (last > lost.first || (last === lost.first - 1 && at > chain.end.at))) {
      return { kind: 'unreachable', missing: chain.missing, reachable: chain.end.at };
    }
    return { kind: 'restore', chain, segment };
  }
  return { kind: 'outside' };
}

/**
 * The chains by which a state of `chain` can be reached: itself, then from older full backups through all that lies between, as long
 * as nothing is missing there. At most three: further back it is a matter for an operator.
 */
export function waysTo(chains: readonly Chain[], chain: Chain): readonly Chain[] {
  const ways = [chain];
  let index = chains.indexOf(chain);
  while (index > 0 && ways.length < 3) {
    const older = chains[index - 1];
    const [shorter] = ways.slice(-1);
    if (older === undefined || shorter === undefined) break;
    if (chains[index]?.fullBackup.continues !== true || older.missing.length > 0) break;
    ways.push({
      ...shorter,
      fullBackup: older.fullBackup,
      segments: [...older.segments, ...shorter.segments],
    });
    index -= 1;
  }
  return ways;
}

export interface FullBackupRules {
  /** A new full backup when the last one is this old. */
  readonly everyMs: number;
  /** … or when the records behind it take more room than it does, and more than this. */
  readonly leastRecordBytes: number;
}

const DAY_MS = 86_400_000;
const MIB = 1024 * 1024;

/** A full backup every day, or as often as points are dropped if that is more often, but not with every capture. */
export function fullBackupRules({
  every,
  keep,
}: {
  readonly every: number;
  readonly keep: number;
}): FullBackupRules {
  return { everyMs: Math.max(every, Math.min(DAY_MS, keep)), leastRecordBytes: 256 * MIB };
}

/** Why a new full backup is due; undefined when none is. */
export function fullBackupDue(
  fullBackup: Pick<FullBackupDescription, 'at' | 'storedBytes'> | undefined,
  recordBytes: number,
  now: number,
  rules: FullBackupRules,
): string | undefined {
  if (fullBackup === undefined) return 'the first one';
  if (now - fullBackup.at >= rules.everyMs || now < fullBackup.at) return 'the last one is old enough';
  if (recordBytes > Math.max(rules.leastRecordBytes, fullBackup.storedBytes)) return 'the records outgrew it';
  return undefined;
}
