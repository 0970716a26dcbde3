import { join } from 'node:path';
import { effectiveLogs } from '../../platform/config/index.ts';
import { WavspoolError, messageOf } from '../../domain/faults.ts';
import {
  collapseWithFallocate,
  rotateLog,
  rotationState,
  type LogEntry,
  type RotateDeps,
  type RotateOptions,
  type RotationResult,
} from '../logrotate/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import { runJob, type Job } from '../../platform/jobs/index.ts';
import type { LogStatus } from './maintenance-status.ts';
import type { Maintenance } from './maintenance.ts';
import { inPlace } from './in-place.ts';

/** So long a command waits until a run of the same entry is over. */
const PATIENCE_MS = 10 * 60_000;
/** How often a log with a `maxsize` is looked at between the runs of its schedule. */
const LOOK_MS = 5 * 60_000;

/** What a rotation works with on this host. */
export function rotateDeps({
  clock,
  report,
  timezone,
  dataDirectory,
}: Pick<Maintenance, 'clock' | 'report' | 'timezone' | 'dataDirectory'>): RotateDeps {
  const directory = join(dataDirectory, 'logrotate');
  return { clock, report, timezone, directory, collapse: collapseWithFallocate };
}

/** Rotates the logs of an entry at its times, and in between what has grown beyond its `maxsize`. */
export function rotateJobs(maintenance: Maintenance, entry: LogEntry): readonly Job[] {
  const deps = rotateDeps(maintenance);
  const lock = `rotate ${entry.path}`;
  const job = (id: string, options: RotateOptions): Omit<Job, 'when'> => ({
    id,
    lock,
    files: [entry.path, ...(entry.dir === undefined ? [] : [entry.dir])],
    run: async (signal) => ({ logs: succeeded(await rotateInPlace(maintenance, entry, options, signal)) }),
  });
  const regular: Job = {
    ...job(lock, {}),
    when: { cron: entry.cron },
    ...(entry.ping !== undefined && { ping: entry.ping }),
  };
  if (entry.maxsize === undefined) return [regular];
  const large: Job = {
    ...job(`${lock} above maxsize`, { only: 'maxsize' }),
    when: { everyMs: LOOK_MS },
    isNeeded: async () => {
      const looked = await rotateLog(
        deps,
        entry,
        { only: 'maxsize', dryRun: true },
        new AbortController().signal,
      );
      return looked.some(({ outcome }) => outcome === 'due' || outcome === 'failed');
    },
  };
  return [regular, large];
}

/** The archives go where they went before, see `inPlace`. */
function rotateInPlace(
  maintenance: Maintenance,
  entry: LogEntry,
  options: RotateOptions,
  signal: AbortSignal,
): Promise<readonly RotationResult[]> {
  const rotate = (): ReturnType<typeof rotateLog> =>
    rotateLog(rotateDeps(maintenance), entry, options, signal);
  return entry.dir === undefined ? rotate() : inPlace(maintenance, entry.dir, rotate);
}

/**
 * Rotates the logs of an entry of the settings, as its job does and noted as a run of it. Returns what became of each, also of one that
 * failed. Throws HOST_FAILING for a `dir` whose disk is away, and JOB_RUNNING.
 */
export async function rotateNow(
  maintenance: Maintenance,
  entry: LogEntry,
  options: RotateOptions,
  signal: AbortSignal,
): Promise<readonly RotationResult[]> {
  let results: readonly RotationResult[] = [];
  let failed: unknown;
  const lock = `rotate ${entry.path}`;
  const run = async (aborted: AbortSignal): Promise<object> => {
    results = await rotateInPlace(maintenance, entry, options, aborted);
    try {
      return { logs: succeeded(results) };
    } catch (error) {
      failed = error;
      throw error;
    }
  };
  try {
    await runJob(maintenance, { id: lock, lock, run }, { by: 'hand', patienceMs: PATIENCE_MS }, signal);
  } catch (error) {
    if (error !== failed) throw error; // what became of each log says it
  }
  return results;
}

/** How each log of the settings was rotated last; what is remembered of one may be damaged, which its entry says. */
export async function logStatus(maintenance: Maintenance): Promise<readonly LogStatus[]> {
  const { directory } = rotateDeps(maintenance);
  const ofEntry = async (entry: LogEntry): Promise<readonly LogStatus[]> => {
    try {
      return (await rotationState(directory, entry)).map(({ log, last, unfinished }) => ({
        log,
        last: last === null ? null : { at: isoTime(last.at), way: last.way, windowUs: last.windowUs },
        unfinished,
      }));
    } catch (error) {
      return [{ log: entry.path, last: null, unfinished: true, fault: messageOf(error) }];
    }
  };
  return (await Promise.all(effectiveLogs(maintenance.settings).map(ofEntry))).flat();
}

/** Each log has had its turn; one that failed makes the run a failed one, in the words of the first. */
function succeeded(results: readonly RotationResult[]): readonly RotationResult[] {
  const failed = results.filter((result) => result.outcome === 'failed');
  const [first] = failed;
  if (first === undefined) return results;
  const more = failed.length === 1 ? '' : ` (and ${failed.length - 1} more)`;
  throw new WavspoolError(first.code, messageOf(first.error) + more, { cause: first.error });
}
