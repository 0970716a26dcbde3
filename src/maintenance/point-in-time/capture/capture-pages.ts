import type { Report } from '../../../domain/events.ts';
import { faultCode, messageOf, WavspoolError } from '../../../domain/faults.ts';
import { systemClock, type Clock } from '../../../platform/runtime/index.ts';
import { changeEvidence, finishCopy, pinPages, type PinnedPages } from '../../../platform/sqlite/index.ts';
import { readArchive, recordBytes, type PointInTimeDatabase } from '../archive/archive.ts';
import { fullBackupDue, chainsOf, headOf, type FullBackupRules, type Chain } from '../archive/chain.ts';
import {
  offerFullBackup,
  factsOf,
  stageFullBackup,
  writeFullBackup,
  type FullBackupImage,
  type FullBackupWriter,
} from '../archive/full-backup.ts';
import { digestOf, endCommit, hashPage, noPages, setPage } from '../archive/page-hashes.ts';
import { lastState, noteChecked, saveIndex, type LastState } from '../archive/last-state.ts';
import { verifyChain } from '../archive/rebuild.ts';
import { writeRecords, type RecordWriter } from '../archive/records.ts';
import type { RecordHeader } from '../archive/format.ts';

/** What one run of `pages` mode did. */
export interface CaptureResult {
  readonly captured: boolean;
  /** When the state was pinned, ms since 1970. */
  readonly at: number;
  readonly pages: number;
  readonly pageCount: number;
  /** Bytes written into the archive for records and a full backup. */
  readonly storedBytes: number;
  /** Why a new full backup was made; undefined when none was. */
  readonly fullBackup: string | undefined;
  /** How long the live database was pinned: in WAL mode no program waited, else commits did. */
  readonly pinnedMs: number;
  readonly ms: number;
}

export interface CaptureDeps {
  readonly clock: Clock;
  readonly report: Report;
  readonly rules: FullBackupRules;
}

/**
 * Captures the present state of a database, if it is another one than the last: the pages that changed as one record, and a
 * full backup when one is due or nothing leads to the last state. The archive in `directory` must be locked by the caller, and the
 * process be one of its own. Throws DATABASE_*, SNAPSHOT_BAD, DISK_FULL, FILE_UNREADABLE or the abort's reason.
 */
export async function capturePages(
  deps: CaptureDeps,
  database: Pick<PointInTimeDatabase, 'name' | 'path'>,
  directory: string,
  signal: AbortSignal,
): Promise<CaptureResult> {
  const { clock } = deps;
  const startedAt = clock.monotonicMs();
  const archive = await readArchive(directory);
  const chain = chainsOf(archive).at(-1);
  const last = await usableState(deps, database, directory, chain, () =>
    lastState(directory, archive, signal),
  );
  const now = clock.now();
  const evidence = changeEvidence(database.path, systemClock.now()); // files bear the host's time
  const due = await whyFullBackup(directory, chain, last, now, deps.rules);
  if (last !== undefined && due === undefined && evidence !== undefined && evidence === last.evidence) {
    await noteChecked(directory, now, last.position);
    const { pageCount } = last.hashes;
    return unchanged(now, pageCount, 0, clock.monotonicMs() - startedAt);
  }
  const pass = await passOver(deps, database, directory, { last, due, head: headOf(archive) }, signal);
  await saveIndex(directory, { ...pass.state, evidence });
  await noteChecked(directory, pass.at, pass.state.position);
  if (pass.fullBackup !== undefined) await verifyEnded(deps, database, directory, signal);
  const ms = clock.monotonicMs() - startedAt;
  const { at, pages, pinnedMs, storedBytes, fullBackup } = pass;
  const { pageCount } = pass.state.hashes;
  if (pages === 0 && fullBackup === undefined) return unchanged(at, pageCount, pinnedMs, ms);
  return { captured: true, at, pages, pageCount, storedBytes, fullBackup, pinnedMs, ms };
}

/** Why a full backup is due; undefined when none is, or nothing has changed since the last one. */
async function whyFullBackup(
  directory: string,
  chain: Chain | undefined,
  last: LastState | undefined,
  now: number,
  rules: FullBackupRules,
): Promise<string | undefined> {
  if (chain === undefined) return fullBackupDue(undefined, 0, now, rules);
  if (last?.position === chain.fullBackup.position) return undefined;
  return fullBackupDue(chain.fullBackup, await recordBytes(directory, chain.segments), now, rules);
}

/** Verifies the chains that have ended and were not yet, so that older ones may be pruned; says so when one is bad. */
export async function verifyEnded(
  { clock, report }: Pick<CaptureDeps, 'clock' | 'report'>,
  { name }: Pick<PointInTimeDatabase, 'name'>,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  for (const chain of chainsOf(await readArchive(directory)).slice(0, -1)) {
    if ((chain.fullBackup.verified?.through.position ?? 0) >= chain.end.position) continue;
    const faults = await verifyChain(directory, chain, { clock, finish: finishHere }, signal);
    if (faults.length > 0) report('restore points damaged', { database: name, faults });
  }
}

/** As verification runs in a process of its own, it may block. */
async function finishHere(path: string): Promise<readonly string[]> {
  return finishCopy(path);
}

function unchanged(at: number, pageCount: number, pinnedMs: number, ms: number): CaptureResult {
  return {
    captured: false,
    at,
    pages: 0,
    pageCount,
    storedBytes: 0,
    fullBackup: undefined,
    pinnedMs,
    ms,
  };
}

/** The last state, or undefined with an alarm when the last chain cannot be continued. */
async function usableState(
  { report }: Pick<CaptureDeps, 'report'>,
  { name }: Pick<PointInTimeDatabase, 'name'>,
  directory: string,
  chain: Chain | undefined,
  read: () => Promise<LastState | undefined>,
): Promise<LastState | undefined> {
  if (chain === undefined) return undefined;
  let reason = `records of the last chain are missing in ${directory}`;
  try {
    const state = await read();
    if (state !== undefined) return state;
  } catch (error) {
    if (faultCode(error) !== 'SNAPSHOT_BAD') throw error;
    reason = messageOf(error);
  }
  report('timeline interrupted', { database: name, reason });
  return undefined;
}

interface Pass {
  readonly at: number;
  readonly state: Omit<LastState, 'evidence'>;
  readonly pages: number;
  readonly storedBytes: number;
  readonly fullBackup: string | undefined;
  readonly pinnedMs: number;
}

interface Before {
  readonly last: LastState | undefined;
  readonly due: string | undefined;
  readonly head: { readonly position: number } | undefined;
}

/** One pass over the pinned pages: what changed goes into records, and everything into a full backup if one is wanted. */
async function passOver(
  deps: CaptureDeps,
  { name, path }: Pick<PointInTimeDatabase, 'name' | 'path'>,
  directory: string,
  before: Before,
  signal: AbortSignal,
): Promise<Pass> {
  const pinned = pinPages(path);
  const [pinnedAt, at] = [deps.clock.monotonicMs(), deps.clock.now()];
  const { pageSize } = pinned;
  const last = before.last?.pageSize === pageSize ? before.last : undefined;
  const reason = last === undefined ? lostReason(before) : before.due;
  let pinnedMs = 0;
  const release = (): void => {
    pinned.release();
    pinnedMs = deps.clock.monotonicMs() - pinnedAt;
  };
  const wanted = { last, at, fullBackup: reason !== undefined };
  const taken = await takePages({ ...pinned, release }, directory, wanted, signal);
  const { hashes, pages, record, image } = taken;
  const end = record ?? last;
  const said = { database: name, at, reason: reason ?? '', digest: digestOf(hashes) };
  const facts = factsOf(pinned, said, end, before.head);
  const fullBackup =
    image === undefined ? undefined : await offerFullBackup(deps, directory, image, facts, signal);
  const head = fullBackup ?? end;
  if (head === undefined)
    throw new WavspoolError('SNAPSHOT_BAD', `${directory} got neither full backup nor record`);
  const { position, link } = head;
  return {
    at,
    state: { position, link, pageSize, hashes },
    pages,
    storedBytes: bytesStored(record, fullBackup),
    fullBackup: fullBackup?.reason,
    pinnedMs,
  };
}

function bytesStored(
  record: Taken['record'],
  fullBackup: Pick<FullBackupImage, 'storedBytes'> | undefined,
): number {
  return (record?.bytes ?? 0) + (fullBackup?.storedBytes ?? 0);
}

function lostReason({ last, due, head }: Before): string {
  if (last !== undefined) return 'the page size changed';
  return head === undefined ? (due ?? 'the first one') : 'the last chain cannot be continued';
}

/** What one pass over pinned pages came to. */
export interface Taken {
  readonly hashes: LastState['hashes'];
  /** How many are not what they were; all of them where no state came before. */
  readonly pages: number;
  readonly record: Awaited<ReturnType<RecordWriter['finish']>> | undefined;
  readonly image: FullBackupImage | undefined;
}

export interface Wanted {
  /** The state before, of the same page size: what differs from it becomes a record; its hashes become those of the new one. */
  readonly last: Pick<LastState, 'position' | 'link' | 'hashes'> | undefined;
  /** When the pages were pinned, ms since 1970. */
  readonly at: number;
  /** Whether the image of a full backup is wanted. */
  readonly fullBackup: boolean;
  /** Where that state ends in the write-ahead log. */
  readonly wal?: RecordHeader['wal'];
}

/** Reads the pinned pages, lets the database go, and writes what is wanted of them. */
export async function takePages(
  pinned: PinnedPages,
  directory: string,
  { last, at, fullBackup: wantsFullBackup, wal }: Wanted,
  signal: AbortSignal,
): Promise<Taken> {
  let records: RecordWriter | undefined;
  let writer: FullBackupWriter | undefined;
  try {
    let read: Pick<Taken, 'hashes' | 'pages'>;
    try {
      if (last !== undefined) records = await writeRecords(directory, last, at, pinned.pageSize);
      // outside WAL mode commits wait until the pages are read: compressing them must not be part of that
      if (wantsFullBackup)
        writer = await (pinned.journalMode === 'wal' ? writeFullBackup : stageFullBackup)(directory);
      read = await readAll(pinned, last, records, writer, signal);
    } finally {
      pinned.release();
    }
    const image = await writer?.finish();
    if (read.pages === 0 || records === undefined) return { ...read, record: undefined, image };
    records.commit(pinned.pageCount, digestOf(read.hashes));
    return { ...read, record: await records.finish(wal), image };
  } catch (error) {
    await writer?.discard();
    throw error;
  } finally {
    await records?.discard();
  }
}

async function readAll(
  pinned: PinnedPages,
  last: Wanted['last'],
  records: RecordWriter | undefined,
  image: FullBackupWriter | undefined,
  signal: AbortSignal,
): Promise<{ hashes: LastState['hashes']; pages: number }> {
  const hashes = last?.hashes ?? noPages();
  const before = hashes.pageCount;
  let changed = 0;
  let page = 0;
  for await (const lot of pinned.pages(signal)) {
    for (const numbered of lot) {
      page += 1;
      if (!setPage(hashes, page, hashPage(numbered))) continue;
      changed += 1;
      records?.add(page, numbered.subarray(4));
    }
    await records?.drain();
    await image?.write(lot.map((numbered) => numbered.subarray(4)));
  }
  if (pinned.pageCount < before && changed === 0) changed = 1; // cut off at its end: page 1 says so, but be sure
  endCommit(hashes, Math.max(before, pinned.pageCount), pinned.pageCount, pinned.pageSize);
  return { hashes, pages: changed };
}
