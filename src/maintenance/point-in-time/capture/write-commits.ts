import type { WalEnd, PinnedPages } from '../../../platform/sqlite/index.ts';
import type { FullBackup } from '../archive/chain.ts';
import type { LogHold } from './wal-hold.ts';
import type { SegmentName } from '../archive/names.ts';
import { digestOf, endCommit, hashPage, setPage, type PageHashes, noPages } from '../archive/page-hashes.ts';
import type { LogChunk, LogRead } from './follow-wal.ts';
import { writeRecords, type Head } from '../archive/records.ts';
import { takePages } from './capture-pages.ts';
import type { Report } from '../../../domain/events.ts';
import { WavspoolError } from '../../../domain/faults.ts';
import type { Clock } from '../../../platform/runtime/index.ts';
import { factsOf, offerFullBackup, writeFullBackup, type FullBackupWriter } from '../archive/full-backup.ts';
import type { TimelineEnd } from '../archive/last-state.ts';

/** The line of records that a capture writes, and how far it has read the log. */
export interface Timeline extends Head {
  /** Where the last shipped commit ends in the log. */
  readonly left: WalEnd;
  readonly hashes: PageHashes;
  readonly fullBackup: Pick<FullBackup, 'position' | 'at' | 'storedBytes' | 'pageSize'>;
  /** Bytes of records behind the full backup. */
  readonly recordBytes: number;
}

export interface Written {
  readonly timeline: Timeline;
  readonly segment: SegmentName;
  readonly bytes: number;
}

/** Writes commits of the log, all of them captured at `at`, as the next file of records; a text says why it cannot go on. */
export async function writeCommits(
  directory: string,
  timeline: Timeline,
  read: Extract<LogRead, { kind: 'commits' }>,
  hold: Pick<LogHold, 'mustBeSame'>,
  at: number,
): Promise<Written | string> {
  const { hashes } = timeline;
  const records = await writeRecords(directory, timeline, at, read.pageSize);
  try {
    let { pageCount } = hashes;
    const chunks = read.chunks();
    let next = chunks.next();
    for (; next.done !== true; next = chunks.next()) {
      const { frames, bytes } = next.value;
      for (const frame of frames) {
        const numbered = records.add(frame.page, bytes.subarray(frame.at, frame.at + read.pageSize));
        setPage(hashes, frame.page, hashPage(numbered));
        if (frame.pageCount === 0) continue;
        endCommit(hashes, pageCount, frame.pageCount, read.pageSize);
        pageCount = frame.pageCount;
        records.commit(pageCount, digestOf(hashes));
      }
      await records.drain();
    }
    const left = next.value;
    hold.mustBeSame();
    if (typeof left === 'string') return left;
    const { position, link, segment, bytes } = await records.finish(left.position);
    const { fullBackup, recordBytes } = timeline;
    return {
      timeline: { position, link, left, hashes, fullBackup, recordBytes: recordBytes + bytes },
      segment,
      bytes,
    };
  } finally {
    await records.discard();
  }
}

/** The same commits, read into memory. */
export function readAhead(read: LogRead): LogRead {
  if (read.kind !== 'commits') return read;
  const kept: LogChunk[] = [];
  const chunks = read.chunks();
  let next = chunks.next();
  for (; next.done !== true; next = chunks.next()) kept.push(next.value);
  const end = next.value;
  return {
    ...read,
    chunks: function* () {
      yield* kept;
      return end;
    },
  };
}

/** Where a timeline stands, and the state that it is to be led to. */
export interface Before {
  readonly timeline: Timeline;
  /** Where the pinned state ends in the log. */
  readonly left: WalEnd;
  /** When it was pinned, ms since 1970. */
  readonly at: number;
}

export interface Together {
  readonly timeline: Timeline;
  /** The record of what differs; undefined when nothing does. */
  readonly written:
    | { readonly segment: SegmentName; readonly bytes: number; readonly pages: number }
    | undefined;
}

/**
 * Leads a timeline to a pinned state by the pages that differ, as one point, and lets the database go. Undefined when the page size
 * is another one, so that no record can follow.
 */
export async function takeTogether(
  pinned: PinnedPages,
  { timeline, left, at }: Before,
  directory: string,
  signal: AbortSignal,
): Promise<Together | undefined> {
  if (pinned.pageSize !== timeline.fullBackup.pageSize) {
    pinned.release();
    return undefined;
  }
  const wal = left.position;
  const wanted = { last: timeline, at, fullBackup: false, ...(wal !== undefined && { wal }) };
  const { record, hashes, pages } = await takePages(pinned, directory, wanted, signal);
  if (record === undefined) return { timeline: { ...timeline, hashes, left }, written: undefined };
  const { position, link, segment, bytes } = record;
  return {
    timeline: { ...timeline, position, link, left, hashes, recordBytes: timeline.recordBytes + bytes },
    written: { segment, bytes, pages },
  };
}

/** A state of the live database that is pinned, and what the archive ended with when it was. */
export interface PinnedState {
  readonly pinned: PinnedPages;
  readonly at: number;
  readonly reason: string;
  /** Where it ends in the log. */
  readonly left: WalEnd;
  /** The archive's last state; undefined when there is none that records could follow. */
  readonly end: (TimelineEnd & Pick<Timeline, 'fullBackup' | 'recordBytes'>) | undefined;
  /** Whether it was said already that commits were missed. */
  readonly alarmed: boolean;
  /** The archive's last position. */
  readonly position: number;
}

/**
 * Makes a full backup of a pinned state, and the timeline that goes on from it. When the archive ends with exactly this state, the timeline
 * goes on without a break, and without a new full backup if it ends with one; else, with an alarm, the full backup begins a new timeline.
 * Throws DATABASE_DAMAGED when the copy is not sound and no line is there to go on with.
 */
export async function takeFullBackup(
  deps: { readonly clock: Clock; readonly report: Report },
  database: string,
  directory: string,
  state: PinnedState,
  signal: AbortSignal,
): Promise<{ readonly timeline: Timeline; readonly made: boolean }> {
  const { pinned, end, left, at, reason } = state;
  const image = await writeFullBackup(directory);
  try {
    const hashes = await copyPages(pinned, image.write, signal);
    const digest = digestOf(hashes);
    const known = end?.digest === digest ? end : undefined;
    if (known !== undefined && known.fullBackup.position === known.position) {
      return { timeline: { ...known, hashes, left }, made: false };
    }
    if (end !== undefined && known === undefined && !state.alarmed) {
      const why = 'the database is in another state than the last one that was captured';
      deps.report('timeline interrupted', { database, reason: why });
    }
    const wal = left.position;
    const said = { database, at, reason, digest, ...(wal !== undefined && { wal }) };
    const facts = factsOf(pinned, said, known, state);
    const fullBackup = await offerFullBackup(deps, directory, await image.finish(), facts, signal);
    if (fullBackup !== undefined) {
      const { position, link } = fullBackup;
      return { timeline: { position, link, left, hashes, fullBackup, recordBytes: 0 }, made: true };
    }
    if (known === undefined)
      throw new WavspoolError('SNAPSHOT_BAD', `${directory}: no full backup, and no timeline without`);
    return { timeline: { ...known, hashes, left }, made: false };
  } finally {
    await image.discard();
  }
}

async function copyPages(
  pinned: PinnedPages,
  write: FullBackupWriter['write'],
  signal: AbortSignal,
): Promise<PageHashes> {
  const hashes = noPages();
  let page = 0;
  for await (const lot of pinned.pages(signal)) {
    for (const numbered of lot) setPage(hashes, (page += 1), hashPage(numbered));
    await write(lot.map((numbered) => numbered.subarray(4)));
  }
  endCommit(hashes, page, pinned.pageCount, pinned.pageSize);
  return hashes;
}
