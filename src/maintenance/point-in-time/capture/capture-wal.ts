import type { Report } from '../../../domain/events.ts';
import { faultCode, messageOf, WavspoolError } from '../../../domain/faults.ts';
import type { Clock } from '../../../platform/runtime/index.ts';
import { readWalEnd, readWalIndex, readWalStart, type WalEnd } from '../../../platform/sqlite/index.ts';
import { readArchive, recordBytes, removeFiles, type PointInTimeDatabase } from '../archive/archive.ts';
import { baseDue, chainsOf, headOf, type Archive, type BaseRules } from '../archive/chain.ts';
import { createChores } from './housekeeping.ts';
import { canResume } from './follow-wal.ts';
import { isHeldOff } from '../archive/hold-off.ts';
import { followed } from './followed.ts';
import type { LogHold } from './wal-hold.ts';
import { segmentFile, type SegmentName } from '../archive/names.ts';
import { createRest } from './idle.ts';
import { takeBase, type PinnedState } from './write-commits.ts';
import { readAhead, type Line } from './write-commits.ts';
import { lastState, lineEnd, noteChecked } from '../archive/last-state.ts';

// Shipping commits, in one process per database:
//
// 1. Hold the log, so that no commit can leave it unseen (log-hold.ts).
// 2. Look at its index every 200 ms; write what was committed as one file of records, time and digest for each commit.
// 3. When the log is long, or old: with the write lock, read its rest, let go, checkpoint, hold again. It then starts over.
// 4. When a base is due: with the write lock, read the rest and pin the pages; copy them without it, commits wait in the log.
// 5. When commits may have been missed: an alarm, a base, and a new line of records from there.
// 6. When every program has closed the database: let go, so that its file alone holds everything, and look whether somebody
//    comes back (let-go.ts).

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
  /** One look at the log, and whatever else is due; false when the database is not in WAL mode any more. */
  readonly turn: () => Promise<boolean>;
  /** Aborts when the next look is due at once. */
  readonly wake: () => AbortSignal;
  /** Ships what is left. */
  readonly end: () => Promise<void>;
  readonly close: () => void;
}

/**
 * Ships every commit of a database in WAL mode into its archive until `signal` aborts, a restore asks for it, or it is in
 * another mode. The archive must be locked by the caller, and the process be one of its own. Throws DATABASE_* when the database cannot be followed, DISK_FULL and
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
      if (!(await shipper.turn())) break;
      await deps.clock.sleep(POLL_MS, AbortSignal.any([signal, shipper.wake()]));
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
  const times = { renew: 0, renewed: clock.monotonicMs(), base: 0, alarm: 0, gap: 0 };
  const chores = createChores(report, name, directory, () => log.hold.longestLockMs());
  const of = { name, path, directory, clock, report, chores };
  const log = followed(of);
  let renewedFrame: number | undefined;

  const base = async (reason: string, alarmed = false): Promise<void> => {
    await log.catchUp();
    const { value, pinned } = log.hold.pinBase(() => ({
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
        end: await endOfLine(archive, directory, (fault) =>
          report('points in time damaged', { database: name, faults: [fault] }),
        ),
        position: headOf(archive)?.position ?? 0,
      };
      const taken = await takeBase(deps, name, directory, state, signal);
      log.line = taken.line;
      chores.cut([]);
      if (taken.made) deps.verifyEnded();
    } finally {
      pinned.release();
      times.base = clock.monotonicMs() + (log.line?.position === log.line?.base.position ? 0 : AGAIN_MS);
    }
  };

  /** Twice in a short time is not chance: whoever starts the shipper again does so with growing delay. */
  const baseAfterGap = async (now: number): Promise<void> => {
    if (now < times.gap) throw new WavspoolError('DATABASE_UNUSABLE', `${path}: its log cannot be followed`);
    await base('commits were missed', true);
    times.gap = clock.monotonicMs() + GAP_MS;
  };

  const alarmIfLong = (): void => {
    const [now, walBytes] = [clock.monotonicMs(), logBytes(log.line?.left)];
    if (walBytes <= ALARM_BYTES || now < times.alarm) return;
    times.alarm = now + AGAIN_MS;
    report('log cannot start over', { database: name, walBytes });
  };

  /** Holds a newer state, after a checkpoint that lets the log start over. */
  const renew = async (): Promise<void> => {
    if (!(await log.catchUp())) return alarmIfLong();
    if (logBytes(log.line?.left) > LOCKED_CHECKPOINT_BYTES) {
      await log.write(log.hold.renew(() => readAhead(log.look(true)), false).value);
      log.hold.checkpointBeside();
      await log.catchUp();
    }
    const { value, uncheckpointed } = log.hold.renew(() => readAhead(log.look(true)), true);
    await log.write(value);
    const now = clock.monotonicMs();
    times.renewed = now;
    times.renew = uncheckpointed > 0 ? now + STUCK_MS : 0;
    renewedFrame = log.line?.left.position?.frame;
    if (uncheckpointed > 0) alarmIfLong();
  };

  const renewIfDue = async (now: number): Promise<void> => {
    const frame = log.line?.left.position?.frame;
    if (frame === undefined || frame === renewedFrame || now < times.renew) return;
    if (logBytes(log.line?.left) > LOG_BYTES || now - times.renewed > RENEW_MS) await renew();
  };

  const rest = createRest(
    of,
    log,
    {
      renew,
      isRenewed: () => log.line?.left.position?.frame === renewedFrame && clock.monotonicMs() >= times.renew,
      renewedAt: () => times.renewed,
    },
    signal,
  );

  return {
    wake: rest.wake,
    begin: async () => {
      const archive = await readArchive(directory);
      await removeFiles(directory, archive.duplicates.map(segmentFile));
      log.line = await resumedLine(archive, directory, path, log.hold, signal);
      if (log.line === undefined)
        await base(archive.bases.length === 0 ? 'the first one' : 'the log was unwatched');
      else chores.cut(unmerged(archive));
      report('shipping commits', { database: name, position: log.line?.position ?? 0 });
    },
    turn: async () => {
      const now = clock.monotonicMs();
      if (rest.isAway()) return rest.turn(now);
      if (log.line === undefined) await baseAfterGap(now);
      await log.write(log.look(false));
      if (log.line === undefined) return true;
      const reason = baseDue(log.line.base, log.line.recordBytes, clock.now(), rules);
      if (reason !== undefined && log.line.position > log.line.base.position && now >= times.base)
        await base(reason);
      await renewIfDue(now);
      await chores.run(now, clock.now(), log.line.position);
      await rest.begin(now);
      return true;
    },
    end: async () => {
      if (!rest.isAway()) {
        await log.catchUp();
        await log.write(log.look(false));
      }
      if (log.line !== undefined && rest.isShipped())
        await noteChecked(directory, clock.now(), log.line.position);
      chores.summarize();
    },
    close: () => {
      rest.close();
      log.hold.close();
    },
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
