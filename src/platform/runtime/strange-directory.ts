import { statSync } from 'node:fs';
import { WavspoolError } from '../../domain/faults.ts';

/**
 * Why a directory may hold what another user has put there; undefined when it is ours alone, or not there. Root looks into the
 * directories of the user that wavspool runs as.
 */
export function strangeDirectory(directory: string): WavspoolError | undefined {
  const found = statSync(directory, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  const us = process.geteuid?.();
  const problem = !found.isDirectory()
    ? 'is no directory'
    : us !== 0 && found.uid !== us && found.uid !== 0
      ? `belongs to another user (uid ${found.uid})`
      : (found.mode & 0o022) !== 0
        ? `may be written by others (mode ${(found.mode & 0o777).toString(8)})`
        : undefined;
  if (problem === undefined) return undefined;
  return new WavspoolError('REDIS_UNREACHABLE', `${directory} ${problem}: no Redis in it is trusted`);
}
