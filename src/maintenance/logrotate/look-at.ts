import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { WavspoolError, errnoOf } from '../../domain/faults.ts';
import { openPlain } from './copy.ts';
import { archivedBytes } from './cut.ts';
import { due, type LogFacts, type RotateOptions } from './due.ts';
import type { LogEntry } from './names.ts';
import { type RotationResult, type Head, type LastRotation, readLogState } from './state-file.ts';
import { delayedPaths, planArchive } from './archives.ts';
import type { RotateDeps } from './deps.ts';

export type Look =
  | {
      readonly kind: 'due';
      readonly facts: { readonly path: string; readonly archived: number; readonly size: number };
    }
  | { readonly kind: 'skipped'; readonly result: RotationResult };

/**
 * Looks whether the log is there and due. `head` is what an archive holds of it already; with null all of it counts as new.
 * Throws LOG_MISSING unless `missingok`, and LOG_UNUSABLE for what is no log.
 */
export async function lookAt(
  entry: LogEntry,
  log: string,
  options: RotateOptions,
  head: Head | null,
): Promise<Look> {
  const skipped = (reason: string): Look => ({
    kind: 'skipped',
    result: { log, outcome: 'skipped', reason },
  });
  const stats = await statOf(log);
  if (stats === undefined) return { kind: 'skipped', result: whenMissing(entry, log, options) };
  const kind = kindOf(stats);
  const size = Number(stats.size);
  const archived = kind === 'log' && head !== null ? await archivedAt(log, head) : 0;
  const verdict = due(entry, options, { kind, links: Number(stats.nlink), freshBytes: size - archived });
  if (verdict.kind === 'refuse') throw new WavspoolError('LOG_UNUSABLE', `${log}: ${verdict.problem}`);
  if (verdict.kind === 'skip') return skipped(verdict.reason);
  return { kind: 'due', facts: { path: log, archived, size } };
}

/** Throws LOG_MISSING unless that is as it may be. */
export function whenMissing(entry: LogEntry, log: string, options: RotateOptions): RotationResult {
  // between the runs of cron nothing is said of a log that is missing
  if (entry.missingok || options.only !== undefined)
    return { log, outcome: 'skipped', reason: 'it is missing' };
  throw new WavspoolError('LOG_MISSING', `${log}: there is no such log`);
}

async function archivedAt(log: string, head: Head): Promise<number> {
  await using file = await openPlain(log, 'read');
  return await archivedBytes(file, head);
}

async function statOf(log: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(log, { bigint: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

function kindOf(stats: BigIntStats): LogFacts['kind'] {
  if (stats.isSymbolicLink()) return 'symbolic link';
  if (stats.isDirectory()) return 'directory';
  return stats.isFile() ? 'log' : 'something else';
}

const DAY_MS = 86_400_000;

/**
 * What follows when the dated name of an archive is not free. Where the log's own last archive has it, made not a day ago, the
 * log was rotated for this date already: the next date takes what it holds now, and the nightly run is no failure. Throws
 * ARCHIVE_TAKEN for anything else: it is another program's, the date never changes, or the rotation was asked for in so many words.
 */
export function whenTaken(
  log: string,
  by: string,
  last: LastRotation | null,
  { force, only }: RotateOptions,
  now: number,
): RotationResult {
  const isOwn = last !== null && last.archive === by && Math.abs(now - last.at) < DAY_MS;
  if (isOwn && force !== true && only === undefined)
    return { log, outcome: 'skipped', reason: `it was rotated for this date already: ${by}` };
  throw new WavspoolError('ARCHIVE_TAKEN', `${log} was not rotated: ${by} is there already`);
}

/** What a rotation would do now; it changes nothing and does not wait. Throws as a rotation would. */
export async function previewRotation(
  deps: RotateDeps,
  entry: LogEntry,
  log: string,
  options: RotateOptions,
): Promise<RotationResult> {
  const { clock, timezone } = deps;
  const { head, last } = await readLogState(deps, log);
  const look = await lookAt(entry, log, options, head);
  if (look.kind === 'skipped') return look.result;
  const when = { now: clock.now(), timezone };
  const delayed = await delayedPaths(entry, log, when);
  const plan = await planArchive(entry, log, when, delayed);
  if (plan.kind === 'taken') return whenTaken(log, plan.by, last, options, when.now);
  const { archive, aged, shifts, removes } = plan;
  const bytes = look.facts.size - look.facts.archived;
  const compressed = delayed.map((path) => ({ from: path, to: `${path}.gz` }));
  const stored = entry.compress && !entry.delaycompress ? `${archive}.gz` : archive;
  return {
    log,
    outcome: 'due',
    archive: entry.rotate === 0 ? null : stored,
    bytes,
    renames: [...compressed, ...shifts],
    removed: [...aged, ...removes],
  };
}
