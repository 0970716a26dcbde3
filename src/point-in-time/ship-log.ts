import type { Report } from '../events.ts';
import { faultCode, messageOf, WavspoolError } from '../faults.ts';
import type { Clock } from '../runtime/index.ts';
import { readWalEnd, readWalIndex, readWalStart, type WalEnd } from '../sqlite/index.ts';
import { readArchive, recordBytes, removeFiles, type PointInTimeDatabase } from './archive.ts';
import { baseDue, chainsOf, headOf, type Archive, type BaseRules } from './chain.ts';
import { createChores } from './chores.ts';
import { canResume } from './follow.ts';
import { isHeldOff } from './hold-off.ts';
import { holdLog, type LogHold } from './log-hold.ts';
import { segmentFile, type SegmentName } from './names.ts';
import { readLog, type LogRead } from './read-log.ts';
import { takeBase, type PinnedState } from './ship-base.ts';
import { readAhead, writeCommits, type Line } from './ship-commits.ts';
import { lastState, lineEnd, noteChecked } from './state.ts';

// Shipping commits, in one process per database:
//
// 1. Hold the log, so that no commit can leave it unseen (log-hold.ts).
// 2. Look at its index every 200 ms; write what was committed as one file of records, time and digest for each commit.
// 3. When the log is long, or old: with the write lock, read its rest, let go, checkpoint, hold again. It then starts over.
// 4. When a base is due: with the write lock, read the rest and pin the pages; copy them without it, commits wait in the log.
// 5. When commits may have been missed: an alarm, a base, and a new line of records from there.

/** How often the log is looked at: what a lost disk may cost. */
const POLL_MS = 200;
/** A log this long is checkpointed, so that it starts over. */
const LOG_BYTES = 4 * 1024 * 1024;
/** … and one that grows slowly, after this long. */
const RENEW_MS = 60_000;
/** What a checkpoint may copy while commits wait; more than that is copied beside them first. */
const LOCKED_CHECKPOINT_BYTES = 8 * 1024 * 1024;
/** A reader of somebody else's can keep the log from starting over: then it is tried again so often. */
const STUCK_MS = 5000;
const GAP_MS = 60_000;
const ALARM_BYTES = 256 * 1024 * 1024;
/** How long until an alarm is repeated, and a refused base tried again. */
const AGAIN_MS = 600_000;
/** Looks at the log before the write lock is taken, so that little is left to read with it. */
const CATCH_UP_LOOKS = 20;

export interface ShipDeps {
  readonly clock: Clock;
  readonly report: Report;
  readonly rules: BaseRules;
  /** Verifies, somewhere else, the chains that have ended. */
  readonly verifyEnded: () => void;
}

interface Shipper {
  /** Goes on where the archive ends, or makes a base. */
  readonly begin: () => Promise<void>;
  /** One look at the log, and whatever else is due. */
  readonly turn: () => Promise<void>;
  /** Ships what is left. */
  readonly end: () => Promise<void>;
  readonly close: () => void;
}

/**
 * Ships every commit of a database in WAL mode into its archive until `signal` aborts, or a restore asks for
 * it. The archive must be locked by the
 * caller, and the process be one of its own. Throws DATABASE_* when the database cannot be followed, DISK_FULL and
 * FILE_UNREADABLE; whoever starts it again loses nothing as long as the log has not started over in between, and gets a new
 * base otherwise.
 */
export async function shipLog(
  deps: ShipDeps,
  database: Pick<PointInTimeDatabase, 'name' | 'path'>,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const shipper = createShipper(deps, database, directory, signal);
  try {
    await shipper.begin();
    while (!signal.aborted && !isHeldOff(directory)) {
      await shipper.turn();
      await deps.clock.sleep(POLL_MS, signal);
    }
    await shipper.end();
  } finally {
    shipper.close();
  }
}

function createShipper(
  deps: ShipDeps,
  { name, path }: Pick<PointInTimeDatabase, 'name' | 'path'>,
  directory: string,
  signal: AbortSignal,
): Shipper {
  const { clock, report, rules } = deps;
  const hold = holdLog(path, clock);
  const times = { renew: 0, renewed: clock.monotonicMs(), base: 0, alarm: 0, gap: 0 };
  const chores = createChores(report, name, directory, hold.longestLockMs);
  let line: Line | undefined;
  let renewedFrame: number | undefined;

  const look = (locked: boolean): LogRead => {
    if (line === undefined) return { kind: 'gap', reason: 'nothing to follow' };
    hold.mustBeSame(); // a log is named by its path: another database's may lie there now
    return readLog(path, line.left, locked);
  };

  /** Writes commits that were read; without a line afterwards, after an alarm, when some are missing. */
  const write = async (read: LogRead): Promise<void> => {
    if (line === undefined) return;
    if (read.kind === 'nothing') {
      line = { ...line, left: read.left };
      return;
    }
    const written =
      read.kind === 'gap' ? read.reason : await writeCommits(directory, line, read, hold, clock.now());
    if (typeof written === 'string') {
      report('points in time interrupted', { database: name, reason: written });
      line = undefined;
      return;
    }
    line = written.line;
    chores.wrote(written.segment, written.bytes);
  };

  const catchUp = async (): Promise<void> => {
    for (let looks = 0; looks < CATCH_UP_LOOKS; looks += 1) {
      const read = look(false);
      if (read.kind !== 'commits') return; // a gap is found again with the write lock
      await write(read);
    }
  };

  const base = async (reason: string, alarmed = false): Promise<void> => {
    await catchUp();
    const { value, pinned } = hold.pinBase(() => ({ rest: readAhead(look(true)), left: readWalEnd(path) }));
    try {
      await write(value.rest);
      const archive = await readArchive(directory);
      const state: PinnedState = {
        pinned,
        reason,
        alarmed,
        at: clock.now(),
        left: value.left,
        end: await endOfLine(archive, directory, (fault) =>
          report('points in time damaged', { database: name, faults: [fault] }),
        ),
        position: headOf(archive)?.position ?? 0,
      };
      const taken = await takeBase(deps, name, directory, state, signal);
      line = taken.line;
      chores.cut([]);
      if (taken.made) deps.verifyEnded();
    } finally {
      pinned.release();
      times.base = clock.monotonicMs() + (line?.position === line?.base.position ? 0 : AGAIN_MS);
    }
  };

  /** Twice in a short time is not chance: whoever starts the shipper again does so with growing delay. */
  const baseAfterGap = async (now: number): Promise<void> => {
    if (now < times.gap) throw new WavspoolError('DATABASE_UNUSABLE', `${path}: its log cannot be followed`);
    await base('commits were missed', true);
    times.gap = clock.monotonicMs() + GAP_MS;
  };

  /** Holds a newer state, after a checkpoint that lets the log start over. */
  const renew = async (): Promise<void> => {
    await catchUp();
    if (logBytes(line?.left) > LOCKED_CHECKPOINT_BYTES) {
      await write(hold.renew(() => readAhead(look(true)), false).value);
      hold.checkpointBeside();
      await catchUp();
    }
    const { value, uncheckpointed } = hold.renew(() => readAhead(look(true)), true);
    await write(value);
    const now = clock.monotonicMs();
    times.renewed = now;
    times.renew = uncheckpointed > 0 ? now + STUCK_MS : 0;
    renewedFrame = line?.left.position?.frame;
    const walBytes = logBytes(line?.left);
    if (uncheckpointed > 0 && walBytes > ALARM_BYTES && now >= times.alarm) {
      times.alarm = now + AGAIN_MS;
      report('log cannot start over', { database: name, walBytes });
    }
  };

  const renewIfDue = async (now: number): Promise<void> => {
    const frame = line?.left.position?.frame;
    if (frame === undefined || frame === renewedFrame || now < times.renew) return;
    if (logBytes(line?.left) > LOG_BYTES || now - times.renewed > RENEW_MS) await renew();
  };

  return {
    begin: async () => {
      const archive = await readArchive(directory);
      await removeFiles(directory, archive.duplicates.map(segmentFile));
      line = await resumedLine(archive, directory, path, hold, signal);
      if (line === undefined)
        await base(archive.bases.length === 0 ? 'the first one' : 'the log was unwatched');
      else chores.cut(unmerged(archive));
      report('shipping commits', { database: name, position: line?.position ?? 0 });
    },
    turn: async () => {
      const now = clock.monotonicMs();
      if (line === undefined) await baseAfterGap(now);
      await write(look(false));
      if (line === undefined) return;
      const reason = baseDue(line.base, line.recordBytes, clock.now(), rules);
      if (reason !== undefined && line.position > line.base.position && now >= times.base) await base(reason);
      await renewIfDue(now);
      await chores.run(now, clock.now(), line.position);
    },
    end: async () => {
      await catchUp();
      if (line !== undefined) await noteChecked(directory, clock.now(), line.position);
      chores.summarize();
    },
    close: hold.close,
  };
}

/** The small files at the archive's end that a shipper before this one left. */
function unmerged(archive: Archive): readonly SegmentName[] {
  const segments = chainsOf(archive).at(-1)?.segments ?? [];
  return segments.slice(segments.findLastIndex(({ first, last }) => last > first) + 1);
}

function logBytes(left: WalEnd | undefined): number {
  return left?.position === undefined ? 0 : left.position.frame * left.position.pageSize;
}

/** The line that the archive ends with, if the log still holds all that was committed since; from then on it is held. */
async function resumedLine(
  archive: Archive,
  directory: string,
  path: string,
  hold: LogHold,
  signal: AbortSignal,
): Promise<Line | undefined> {
  const chain = chainsOf(archive).at(-1);
  const end = await endOfLine(archive, directory, () => undefined); // the base that is made then says it
  const now = hold.renew(() => [readWalIndex(path), readWalStart(path)] as const, false).value;
  if (chain === undefined || end === undefined || !canResume(end.wal, ...now)) return undefined;
  const state = await lastState(directory, archive, signal);
  if (state === undefined) return undefined;
  const { position, link, hashes } = state;
  // what was committed meanwhile is not read yet: only in this very log is it sure to be found
  const left = { position: end.wal, commits: undefined };
  return { position, link, hashes, left, base: chain.base, recordBytes: end.recordBytes };
}

/** What the archive ends with; undefined when nothing can follow it: it is empty, or has a hole or damage at its end. */
async function endOfLine(
  archive: Archive,
  directory: string,
  say: (fault: string) => void,
): Promise<PinnedState['end']> {
  const chain = chainsOf(archive).at(-1);
  if (chain === undefined || chain.missing.length > 0) return undefined;
  try {
    const end = await lineEnd(directory, chain);
    return { ...end, base: chain.base, recordBytes: await recordBytes(directory, chain.segments) };
  } catch (error) {
    if (faultCode(error) !== 'SNAPSHOT_BAD') throw error;
    say(messageOf(error));
    return undefined;
  }
}
