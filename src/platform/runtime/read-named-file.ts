import { readFileSync } from 'node:fs';
import { WavspoolError, messageOf } from '../../domain/faults.ts';

/** The file that a setting names. Throws SETTINGS_INVALID, which names both. */
export function readNamedFile(setting: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new WavspoolError('SETTINGS_INVALID', `${setting}: ${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
