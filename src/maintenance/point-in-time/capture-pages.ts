import type { Report } from '../../domain/events.ts';
import { faultCode, messageOf, WavspoolError } from '../../domain/faults.ts';
import { systemClock, type Clock } from '../../platform/runtime/index.ts';
import { changeEvidence, finishCopy, pinPages, type PinnedPages } from '../../platform/sqlite/index.ts';
import { readArchive, recordBytes, type PointInTimeDatabase } from './archive.ts';
import { baseDue, chainsOf, headOf, type BaseRules, type Chain } from './chain.ts';
import { offerBase, type BaseFacts } from './make-base.ts';
import { digestOf } from './page-hashes.ts';
import { lastState, noteChecked, saveIndex, type LastState } from './state.ts';
import { takePages } from './take-pages.ts';
import { verifyChain } from './verify-chain.ts';
import type { Head } from './write-records.ts';

/** What one run of `pages` mode did. */
export interface CaptureResult {
  readonly captured: boolean;
  /** When the state was pinned, ms since 1970. */
  readonly at: number;
  readonly pages: number;
  readonly pageCount: number;
  /** Bytes written into the archive for records and a base. */
  readonly storedBytes: number;
  /** Why a new base was made; undefined when none was. */
  readonly base: string | undefined;
  /** How long the live database was pinned: in WAL mode nobody waited, else commits did. */
  readonly pinnedMs: number;
  readonly ms: number;
}

export interface CaptureDeps {
  readonly clock: Clock;
  readonly report: Report;
  readonly rules: BaseRules;
}

/**
 * Captures the present state of a database, if it is another one than the last: the pages that changed as one record, and a
 * base when one is due or nothing leads to the last state. The archive in `directory` must be locked by the caller, and the
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
  const stored = chain === undefined ? 0 : await recordBytes(directory, chain.segments);
  const due =
    chain !== undefined && last?.position === chain.base.position
      ? undefined // nothing has changed since the last base
      : baseDue(chain?.base, stored, now, deps.rules);
  if (last !== undefined && due === undefined && evidence !== undefined && evidence === last.evidence) {
    await noteChecked(directory, now, last.position);
    const { pageCount } = last.hashes;
    return unchanged(now, pageCount, 0, clock.monotonicMs() - startedAt);
  }
  const pass = await passOver(deps, database, directory, { last, due, head: headOf(archive) }, signal);
  await saveIndex(directory, { ...pass.state, evidence });
  await noteChecked(directory, pass.at, pass.state.position);
  if (pass.base !== undefined) await verifyEnded(deps, database, directory, signal);
  const ms = clock.monotonicMs() - startedAt;
  const { at, pages, pinnedMs, storedBytes, base } = pass;
  const { pageCount } = pass.state.hashes;
  if (pages === 0 && base === undefined) return unchanged(at, pageCount, pinnedMs, ms);
  return { captured: true, at, pages, pageCount, storedBytes, base, pinnedMs, ms };
}

/** Verifies the chains that have ended and were not yet, so that older ones may be pruned; says so when one is bad. */
export async function verifyEnded(
  { clock, report }: Pick<CaptureDeps, 'clock' | 'report'>,
  { name }: Pick<PointInTimeDatabase, 'name'>,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  for (const chain of chainsOf(await readArchive(directory)).slice(0, -1)) {
    if ((chain.base.verified?.through.position ?? 0) >= chain.end.position) continue;
    const faults = await verifyChain(directory, chain, { clock, finish: finishHere }, signal);
    if (faults.length > 0) report('points in time damaged', { database: name, faults });
  }
}

/** As verification runs in a process that nobody waits for. */
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
    base: undefined,
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
  report('points in time interrupted', { database: name, reason });
  return undefined;
}

interface Pass {
  readonly at: number;
  readonly state: Omit<LastState, 'evidence'>;
  readonly pages: number;
  readonly storedBytes: number;
  readonly base: string | undefined;
  readonly pinnedMs: number;
}

interface Before {
  readonly last: LastState | undefined;
  readonly due: string | undefined;
  readonly head: { readonly position: number } | undefined;
}

/** One pass over the pinned pages: what changed goes into records, and everything into a base if one is wanted. */
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
  const wanted = { last, at, base: reason !== undefined };
  const taken = await takePages({ ...pinned, release }, directory, wanted, signal);
  const { hashes, pages, record, image } = taken;
  const end = record ?? last;
  const facts = factsOf(name, at, reason ?? '', pinned, digestOf(hashes), end, before);
  const base = image === undefined ? undefined : await offerBase(deps, directory, image, facts, signal);
  const head = base ?? end;
  if (head === undefined) throw new WavspoolError('SNAPSHOT_BAD', `${directory} got neither base nor record`);
  const storedBytes = (record?.bytes ?? 0) + (base?.storedBytes ?? 0);
  const state = { position: head.position, link: head.link, pageSize, hashes };
  return { at, state, pages, storedBytes, base: base?.reason, pinnedMs };
}

function lostReason({ last, due, head }: Before): string {
  if (last !== undefined) return 'the page size changed';
  return head === undefined ? (due ?? 'the first one') : 'the last chain cannot be continued';
}

function factsOf(
  database: string,
  at: number,
  reason: string,
  pinned: PinnedPages,
  digest: string,
  head: Head | undefined,
  before: Before,
): BaseFacts {
  const { pageSize, pageCount, journalMode } = pinned;
  return {
    database,
    at,
    reason,
    pageSize,
    pageCount,
    journalMode,
    digest,
    link: head?.link,
    continues: head !== undefined,
    // what does not continue the line begins one position later, so that nothing can seem to lead there
    position: head?.position ?? (before.head?.position ?? 0) + 1,
  };
}
