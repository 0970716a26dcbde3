import { WavspoolError } from '../../domain/faults.ts';
import type { RotateOptions } from './due.ts';
import type { RotationResult } from './result.ts';
import type { LastRotation } from './state-file.ts';

const DAY_MS = 86_400_000;

/**
 * What follows when the dated name of an archive is not free. Where the log's own last archive has it, made not a day ago, the
 * log was rotated for this date already: the next date takes what it holds now, and the nightly run is no failure. Throws
 * ARCHIVE_TAKEN for anything else: it is somebody else's, the date never changes, or the rotation was asked for in so many words.
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
