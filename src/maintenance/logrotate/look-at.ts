import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { WavspoolError, errnoOf } from '../../domain/faults.ts';
import { openPlain } from './attributes.ts';
import { archivedBytes } from './cut.ts';
import { due, type LogFacts, type RotateOptions } from './due.ts';
import type { LogEntry } from './options.ts';
import type { RotationResult } from './result.ts';
import type { Head } from './state-file.ts';

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
