import type { Report } from '../../../domain/events.ts';
import type { Clock } from '../../../platform/runtime/index.ts';
import type { Housekeeping } from './housekeeping.ts';
import { holdLog, type LogHold } from './wal-hold.ts';
import { readLog, type LogRead } from './follow-wal.ts';
import { writeCommits, type Timeline } from './write-commits.ts';

/** So little may be left to be read with the write lock: a program that never rests always has something. */
const LOCKED_READ_BYTES = 4 * 1024 * 1024;
/** … and so much when looking again and again does not make it less: it is read into memory. */
const MOST_READ_BYTES = 64 * 1024 * 1024;
const CATCH_UP_LOOKS = 5;

/** A live database's log, held, and the timeline of records that is written of it. */
export interface Followed {
  /** Undefined when nothing that is in the log can follow the records any more: a full backup must begin a new timeline. */
  timeline: Timeline | undefined;
  hold: LogHold;
  /** Opens the database anew, after it was closed. */
  readonly holdAgain: () => LogHold;
  readonly look: (locked: boolean) => LogRead;
  /** Writes commits that were read; without a timeline afterwards, after an alarm, when some are missing. */
  readonly write: (read: LogRead, same?: Pick<LogHold, 'mustBeSame'>) => Promise<void>;
  /** Ships until little is left to be read with the write lock; false when it stays too much for that. */
  readonly catchUp: () => Promise<boolean>;
}

export interface FollowDeps {
  readonly name: string;
  readonly path: string;
  readonly directory: string;
  readonly clock: Clock;
  readonly report: Report;
  readonly housekeeping: Pick<Housekeeping, 'wrote'>;
}

/** Holds the log of a database; throws as {@link holdLog}. */
export function followed({ name, path, directory, clock, report, housekeeping }: FollowDeps): Followed {
  const log: Followed = {
    timeline: undefined,
    hold: holdLog(path, clock),
    holdAgain: () => (log.hold = holdLog(path, clock)),
    look: (locked) => {
      if (log.timeline === undefined) return { kind: 'gap', reason: 'nothing to follow' };
      log.hold.mustBeSame(); // a log is named by its path: another database's may lie there now
      return readLog(path, log.timeline.left, locked);
    },
    write: async (read, same = log.hold) => {
      const { timeline } = log;
      if (timeline === undefined) return;
      if (read.kind === 'nothing') {
        log.timeline = { ...timeline, left: read.left };
        return;
      }
      const written =
        read.kind === 'gap' ? read.reason : await writeCommits(directory, timeline, read, same, clock.now());
      if (typeof written === 'string') {
        report('timeline interrupted', { database: name, reason: written });
        log.timeline = undefined;
        return;
      }
      log.timeline = written.timeline;
      housekeeping.wrote(written.segment, written.bytes);
    },
    catchUp: async () => {
      for (let looks = 1; ; looks += 1) {
        const read = log.look(false);
        if (read.kind !== 'commits') return true; // a gap is found again with the write lock
        if (read.bytes <= LOCKED_READ_BYTES) return true;
        if (looks > CATCH_UP_LOOKS) return read.bytes <= MOST_READ_BYTES;
        await log.write(read);
      }
    },
  };
  return log;
}
