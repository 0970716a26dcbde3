import { join } from 'node:path';
import type { Report } from '../../domain/events.ts';
import { WavspoolError, errnoOf, faultCode, messageOf, FAULTS } from '../../domain/faults.ts';
import { makeDirectory, sweepTemporaries } from '../../platform/runtime/index.ts';
import type { RotateDeps, Run } from './deps.ts';
import type { RotateOptions } from './due.ts';
import { lockLog } from './system-programs.ts';
import { logsOf } from './logs-of.ts';
import { lookAt, whenMissing, previewRotation } from './look-at.ts';
import type { LogEntry } from './names.ts';
import { ownArchives } from './archives.ts';
import { PLAIN, openPlaces, type Places } from './places.ts';
import { finishOpen, finishTidying } from './finish.ts';
import { type RotationResult, readLogState, stateName } from './state-file.ts';
import { startRotation } from './start.ts';

/** A fallocate whose parent was killed may still hold the lock; a process that holds it longer than this rotates. */
const LOCK_WAIT_SECONDS = 30;

const STILL_WRITTEN =
  'a program still writes to its last archive: make it open the log anew when that was renamed';

/**
 * Rotates the logs of one entry, one after the other; a pattern gives several. A log that fails does not keep the others from
 * their turn: what happened to each is reported and returned. Safe to repeat after a crash at any moment (P3, P10). Rejects
 * with the abort's reason only.
 */
export async function rotateLog(
  deps: RotateDeps,
  entry: LogEntry,
  options: RotateOptions,
  signal: AbortSignal,
): Promise<readonly RotationResult[]> {
  let logs: readonly string[];
  try {
    logs = await logsOf(entry.path);
  } catch (error) {
    const unreadable = failure(entry.path, error, null);
    tell(deps, unreadable, options, 0);
    return [unreadable];
  }
  const archives = await ownArchives(deps, entry, logs);
  const results: RotationResult[] = [];
  for (const log of logs) {
    const startedAt = deps.clock.monotonicMs();
    const of = archives.get(log);
    const result: RotationResult =
      of === undefined
        ? await rotateOne(deps, entry, log, options, signal)
        : { log, outcome: 'skipped', reason: `it is an archive of ${of}` };
    if (options.dryRun !== true)
      tell(deps, result, options, Math.round(deps.clock.monotonicMs() - startedAt));
    results.push(result);
  }
  return results;
}

async function rotateOne(
  deps: RotateDeps,
  entry: LogEntry,
  log: string,
  options: RotateOptions,
  signal: AbortSignal,
): Promise<RotationResult> {
  const archive: { path: string | null } = { path: null };
  let outside: Places['outside'] = PLAIN.outside;
  try {
    await using opened = await openPlaces(entry, log);
    if (opened === undefined) return whenMissing(entry, log, options);
    outside = opened.places.outside;
    const report: Report = (event, fields) => deps.report(event, said(fields, outside));
    const inside = { ...deps, report, places: opened.places };
    const named = (path: string): string => (archive.path = outside(path));
    const result =
      options.dryRun === true
        ? await previewRotation(inside, opened.entry, opened.log, options)
        : await underLock(inside, opened.entry, opened.log, { options, signal, named });
    return said(result, outside);
  } catch (error) {
    signal.throwIfAborted();
    return failure(log, asFault(outside(log), error, outside), archive.path);
  }
}

/** The same, with the paths in its texts as the settings name them. */
function said<T>(value: T, outside: Places['outside']): T {
  if (typeof value === 'string') return outside(value) as T;
  if (Array.isArray(value)) return value.map((one: unknown) => said(one, outside)) as T;
  if (value === null || typeof value !== 'object' || value instanceof Error) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, said(one, outside)])) as T;
}

function failure(log: string, error: unknown, archive: string | null): RotationResult {
  const fault = asFault(log, error, PLAIN.outside);
  return { log, outcome: 'failed', code: faultCode(fault), error: fault, archive };
}

/**
 * 1. What a crash cut off is finished first; if that was a rotation, it was this one.
 * 2. Whether the log is due is decided from what it holds that no archive does.
 * 3. Then it is rotated.
 */
async function underLock(deps: RotateDeps, entry: LogEntry, log: string, run: Run): Promise<RotationResult> {
  if (run.options.only === 'maxsize') {
    // every few minutes for every log: nothing is locked, written or finished for those that are small
    const atFirst = await lookAt(entry, log, run.options, null);
    if (atFirst.kind === 'skipped') return atFirst.result;
  }
  await makeDirectory(deps.directory, 0o700);
  await sweepTemporaries(deps.directory, deps.clock.now());
  await using lock = await lockLog(
    log,
    join(deps.directory, `${stateName((deps.places ?? PLAIN).outside(log))}.lock`),
    LOCK_WAIT_SECONDS,
  );
  const state = await readLogState(deps, log);
  if (state.open !== null) {
    const finished = await finishOpen(deps, state, state.open, { lockFd: lock.fd, ...run });
    if (finished !== undefined) return finished;
  }
  const tidied = await finishTidying(deps, { ...state, open: null }, run.signal);
  if (tidied.tidying !== null) return { log, outcome: 'skipped', reason: STILL_WRITTEN };
  const look = await lookAt(entry, log, run.options, tidied.head);
  if (look.kind === 'skipped') return look.result;
  return await startRotation(deps, entry, { state: tidied, facts: look.facts, lockFd: lock.fd, ...run });
}

/** What the system says about a log or an archive as a fault of ours. */
function asFault(log: string, error: unknown, outside: Places['outside']): unknown {
  if (error instanceof WavspoolError) {
    const text = outside(error.message);
    const isSaid = text.startsWith(log) || error.code !== 'LOG_UNUSABLE';
    if (isSaid && text === error.message) return error;
    return new WavspoolError(error.code, isSaid ? text : `${log}: ${text}`, { cause: error });
  }
  const errno = errnoOf(error) ?? '';
  const message = `${log} could not be rotated: ${outside(messageOf(error))}`;
  if (errno === 'ENOSPC' || errno === 'EDQUOT')
    return new WavspoolError('DISK_FULL', message, { cause: error });
  if (/^E[A-Z]+$/.test(errno)) return new WavspoolError('LOG_UNUSABLE', message, { cause: error });
  return error;
}

function tell({ report }: RotateDeps, result: RotationResult, { only }: RotateOptions, ms: number): void {
  const { log } = result;
  if (result.outcome === 'rotated') {
    const { archive, way, windowUs, why, bytes, linesInFront, removed, finished } = result;
    report('log rotated', { log, archive, way, windowUs, why, bytes, linesInFront, removed, finished, ms });
  } else if (result.outcome === 'failed') {
    const { code, error, archive } = result;
    report('log rotation failed', { log, archive, code, cause: FAULTS[code].cause, err: error });
  } else if (result.outcome === 'skipped' && only === undefined) {
    report('log rotation skipped', { log, reason: result.reason });
  }
}
