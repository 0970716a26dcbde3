import { relative, sep } from 'node:path';
import { WavspoolError } from '../faults.ts';

/**
 * A recording's key: the prefix and its path below `paths.extracted`, `/`-separated. Keys are deterministic, so that
 * repeating an upload is harmless (P5). Throws RECORDING_OUTSIDE for a path that is not below it.
 */
export function recordingKey(prefix: string, extracted: string, path: string): string {
  const below = relative(extracted, path);
  if (below === '' || below === '..' || below.startsWith(`..${sep}`)) {
    throw new WavspoolError('RECORDING_OUTSIDE', `${path} is not below ${extracted}`);
  }
  return `${prefix}${below.split(sep).join('/')}`;
}
