import type { Report } from '../../../domain/events.ts';
import { faultCode, messageOf, WavspoolError } from '../../../domain/faults.ts';
import type { Clock } from '../../../platform/runtime/index.ts';
import { readWalEnd, readWalIndex, readWalStart, type WalEnd } from '../../../platform/sqlite/index.ts';
import { readArchive, recordBytes, removeFiles, type PointInTimeDatabase } from '../archive/archive.ts';
import { fullBackupDue, chainsOf, headOf, type Archive, type FullBackupRules } from '../archive/chain.ts';
import { createHousekeeping, type Housekeeping } from './housekeeping.ts';
import { canResume } from './follow-wal.ts';
import { isHeldOff } from '../archive/hold-off.ts';
import { followed, type Followed } from './followed.ts';
import type { LogHold } from './wal-hold.ts';
import { segmentFile, type SegmentName } from '../archive/names.ts';
import { createIdling, type Renewing } from './idle.ts';
import { readAhead, takeFullBackup, type PinnedState, type Timeline } from './write-commits.ts';
import { lastState, timelineEnd, noteChecked } from '../archive/last-state.ts';

// Capturing commits, in one process per database:
//
// 1. Hold the log, so that no commit can leave it unseen (wal-hold.ts).
// 2. Look at its index every 200 ms; write what was committed as one file of records, time and digest for each commit.
// 3. When the log is long, or old: with the write lock, read its rest, release it, checkpoint, hold again. It then starts over.
// 4. When a full backup is due: with the write lock, read the rest and pin the pages; copy them without it, commits wait in the log.
// 5. When commits may have been missed: an alarm, a full backup, and a new timeline from there.
// 6. When every program has closed the database: close it too, so that its file alone holds everything, and look whether any
//    program opens it again (idle.ts).

/** How often the log is looked at: what a lost disk may cost. */
const POLL_MS = 200;
/** A log this long is checkpointed, so that it starts over. */
const LOG_BYTES = 4 * 1024 * 1024;
/** … and one that grows slowly, after this long. */
const RENEW_MS = 60_000;
/** What a checkpoint may copy while commits wait; more than that is copied beside them first. */
const LOCKED_CHECKPOINT_BYTES = 8 * 1024 * 1024;
/** Another program's reader can keep the log from starting over: then it is tried again so often. */
const STUCK_MS = 5000;
const GAP_MS = 60_000;
const ALARM_BYTES = 256 * 1024 * 1024;
/** How long until an alarm is repeated, and a refused full backup tried again. */
const AGAIN_MS = 600_000;

export interface WalCaptureDeps {
  readonly clock: Clock;
  readonly report: Report;
  readonly rules: FullBackupRules;
  /** Verifies, somewhere else, the chains that have ended. */
  readonly verifyEnded: () => void;
}

interface WalCapture {
  /** Goes on where the archive ends, or makes a full backup. */
  readonly begin: () => Promise<void>;
  /** One look at the log, and whatever else is due; false when the database is not in WAL mode any more. */
  readonly turn: () => Promise<boolean>;
  /** Aborts when the next look is due at once. */
  readonly wake: () => AbortSignal;
  /** Captures what is left. */
  readonly end: () => Promise<void>;
  readonly close: () => void;
}

/**
 * Captures every commit of a database in WAL mode into its archive until `signal` aborts, a restore asks for it, or it is in
 * another mode. The archive must be locked by the caller, and the process be one of its own. Throws DATABASE_* when the database
 * cannot be followed, DISK_FULL and FILE_UNREADABLE; a capture that starts after it loses nothing as long as the log has not started over in between, and gets a new
 * full backup otherwise.
 */
export async function runWalCapture(
  deps: WalCaptureDeps,
  database: Pick<PointInTimeDatabase, 'name' | 'path'>,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const walCapture = createWalCapture(deps, database, directory, signal);
  try {
    await walCapture.begin();
    while (!signal.aborted && !isHeldOff(directory)) {
      if (!(await walCapture.turn())) break;
      await deps.clock.sleep(POLL_MS, AbortSignal.any([signal, walCapture.wake()]));
    }
    await walCapture.end();
  } finally {
    walCapture.close();
  }
}

/** What the parts of one capture work on. */
interface Capturing {
  readonly deps: WalCaptureDeps;
  readonly name: string;
  readonly path: string;
  readonly directory: string;
  readonly log: Followed;
  readonly housekeeping: Housekeeping;
  readonly signal: AbortSignal;
}

function createWalCapture(
  deps: WalCaptureDeps,
  { name, path }: Pick<PointInTimeDatabase, 'name' | 'path'>,
  directory: string,
  signal: AbortSignal,
): WalCapture {
  const { clock, report } = deps;
  const housekeeping = createHousekeeping(report, name, directory, () => log.hold.longestLockMs());
  const of = { name, path, directory, clock, report, housekeeping };
  const log = followed(of);
  const capturing = { deps, name, path, directory, log, housekeeping, signal };
  const fullBackups = fullBackupsOf(capturing);
  const renewal = renewalOf(capturing);
  const idle = createIdling(of, log, renewal, signal);
  return {
    wake: idle.wake,
    begin: async () => {
      const archive = await readArchive(directory);
      await removeFiles(directory, archive.duplicates.map(segmentFile));
      log.timeline = await resumedTimeline(archive, directory, path, log.hold, signal);
      if (log.timeline === undefined)
        await fullBackups.make(archive.fullBackups.length === 0 ? 'the first one' : 'the log was unwatched');
      else housekeeping.cut(unmerged(archive));
      report('wal capture started', { database: name, position: log.timeline?.position ?? 0 });
    },
    turn: async () => {
      const now = clock.monotonicMs();
      if (idle.isAway()) return idle.turn(now);
      if (log.timeline === undefined) await fullBackups.afterGap(now);
      await log.write(log.look(false));
      if (log.timeline === undefined) return true;
      await fullBackups.ifDue(now, log.timeline);
      await renewal.ifDue(now);
      await housekeeping.run(now, clock.now(), log.timeline.position);
      await idle.begin(now);
      return true;
    },
    end: async () => {
      if (!idle.isAway()) {
        await log.catchUp();
        await log.write(log.look(false));
      }
      if (log.timeline !== undefined && idle.isShipped())
        await noteChecked(directory, clock.now(), log.timeline.position);
      housekeeping.summarize();
    },
    close: () => {
      idle.close();
      log.hold.close();
    },
  };
}

interface FullBackups {
  readonly make: (reason: string) => Promise<void>;
  /** Begins a new timeline. Throws DATABASE_UNUSABLE when one has begun a short time before. */
  readonly afterGap: (now: number) => Promise<void>;
  readonly ifDue: (now: number, timeline: Timeline) => Promise<void>;
}

function fullBackupsOf({ deps, name, path, directory, log, housekeeping, signal }: Capturing): FullBackups {
  const { clock, report, rules } = deps;
  const notBefore = { full: 0, gap: 0 };

  const make = async (reason: string, alarmed = false): Promise<void> => {
    await log.catchUp();
    const { value, pinned } = log.hold.pinFullBackup(() => ({
      rest: readAhead(log.look(true)),
      left: readWalEnd(path),
    }));
    try {
      await log.write(value.rest);
      const archive = await readArchive(directory);
      const state: PinnedState = {
        pinned,
        reason,
        alarmed,
        at: clock.now(),
        left: value.left,
        end: await endOfTimeline(archive, directory, (fault) =>
          report('restore points damaged', { database: name, faults: [fault] }),
        ),
        position: headOf(archive)?.position ?? 0,
      };
      const taken = await takeFullBackup(deps, name, directory, state, signal);
      log.timeline = taken.timeline;
      housekeeping.cut([]);
      if (taken.made) deps.verifyEnded();
    } finally {
      pinned.release();
      const isAtFull = log.timeline?.position === log.timeline?.fullBackup.position;
      notBefore.full = clock.monotonicMs() + (isAtFull ? 0 : AGAIN_MS);
    }
  };

  return {
    make,
    // twice in a short time is not chance: the caller starts the capture again with growing delay
    afterGap: async (now) => {
      if (now < notBefore.gap)
        throw new WavspoolError('DATABASE_UNUSABLE', `${path}: its log cannot be followed`);
      await make('commits were missed', true);
      notBefore.gap = clock.monotonicMs() + GAP_MS;
    },
    ifDue: async (now, { fullBackup, recordBytes: bytes, position }) => {
      const reason = fullBackupDue(fullBackup, bytes, clock.now(), rules);
      if (reason !== undefined && position > fullBackup.position && now >= notBefore.full) await make(reason);
    },
  };
}

/** Lets the log start over: holds a newer state, after a checkpoint. */
function renewalOf({ deps: { clock, report }, name, log }: Capturing): Renewing & {
  readonly ifDue: (now: number) => Promise<void>;
} {
  const times = { renew: 0, renewed: clock.monotonicMs(), alarm: 0 };
  let renewedFrame: number | undefined;

  const alarmIfLong = (): void => {
    const [now, walBytes] = [clock.monotonicMs(), logBytes(log.timeline?.left)];
    if (walBytes <= ALARM_BYTES || now < times.alarm) return;
    times.alarm = now + AGAIN_MS;
    report('log cannot start over', { database: name, walBytes });
  };

  const renew = async (): Promise<void> => {
    if (!(await log.catchUp())) return alarmIfLong();
    if (logBytes(log.timeline?.left) > LOCKED_CHECKPOINT_BYTES) {
      await log.write(log.hold.renew(() => readAhead(log.look(true)), false).value);
      log.hold.checkpointBeside();
      await log.catchUp();
    }
    const { value, uncheckpointed } = log.hold.renew(() => readAhead(log.look(true)), true);
    await log.write(value);
    const now = clock.monotonicMs();
    times.renewed = now;
    times.renew = uncheckpointed > 0 ? now + STUCK_MS : 0;
    renewedFrame = log.timeline?.left.position?.frame;
    if (uncheckpointed > 0) alarmIfLong();
  };

  return {
    renew,
    isRenewed: () =>
      log.timeline?.left.position?.frame === renewedFrame && clock.monotonicMs() >= times.renew,
    renewedAt: () => times.renewed,
    ifDue: async (now) => {
      const frame = log.timeline?.left.position?.frame;
      if (frame === undefined || frame === renewedFrame || now < times.renew) return;
      if (logBytes(log.timeline?.left) > LOG_BYTES || now - times.renewed > RENEW_MS) await renew();
    },
  };
}

/** The small files at the archive's end that a capture before this one left. */
function unmerged(archive: Archive): readonly SegmentName[] {
  const segments = chainsOf(archive).at(-1)?.segments ?? [];
  return segments.slice(segments.findLastIndex(({ first, last }) => last > first) + 1);
}

function logBytes(left: WalEnd | undefined): number {
  return left?.position === undefined ? 0 : left.position.frame * left.position.pageSize;
}

/** The timeline that the archive ends with, if the log still holds all that was committed since; from then on it is held. */
async function resumedTimeline(
  archive: Archive,
  directory: string,
  path: string,
  hold: LogHold,
  signal: AbortSignal,
): Promise<Timeline | undefined> {
  const chain = chainsOf(archive).at(-1);
  const end = await endOfTimeline(archive, directory, () => undefined); // the full backup that is made then says it
  const now = hold.renew(() => [readWalIndex(path), readWalStart(path)] as const, false).value;
  if (chain === undefined || end === undefined || !canResume(end.wal, ...now)) return undefined;
  const state = await lastState(directory, archive, signal);
  if (state === undefined) return undefined;
  const { position, link, hashes } = state;
  // what was committed meanwhile is not read yet: only in this very log is it sure to be found
  const left = { position: end.wal, commits: undefined };
  return { position, link, hashes, left, fullBackup: chain.fullBackup, recordBytes: end.recordBytes };
}

/** What the archive ends with; undefined when nothing can follow it: it is empty, or has a hole or damage at its end. */
async function endOfTimeline(
  archive: Archive,
  directory: string,
  say: (fault: string) => void,
): Promise<PinnedState['end']> {
  const chain = chainsOf(archive).at(-1);
  if (chain === undefined || chain.missing.length > 0) return undefined;
  try {
    const end = await timelineEnd(directory, chain);
    return {
      ...end,
      fullBackup: chain.fullBackup,
      recordBytes: await recordBytes(directory, chain.segments),
    };
  } catch (error) {
    if (faultCode(error) !== 'SNAPSHOT_BAD') throw error;
    say(messageOf(error));
    return undefined;
  }
}
