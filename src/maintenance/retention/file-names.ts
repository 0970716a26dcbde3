import { withSuffix, withoutSuffix, type Compression } from '../../platform/runtime/index.ts';
import { namePattern, type DatedName } from './names.ts';

/** How a schedule names its files, and how it knows them again, however they are compressed. */
export interface FileNames {
  /** The name of the file that is made at `at` (ms since 1970) and stored so. */
  format(at: number, compress: Compression, label?: string): string;
  /** What a name says; undefined for one that this schedule never gave. */
  parse(name: string): DatedName | undefined;
}

/**
 * The names of a settings key `file`. `.gz` and `.zst` are no part of what they are known by: what was made before the settings
 * changed how it is stored still belongs to the schedule.
 */
export function fileNames(file: string, timezone: string, fixed: { name: string }): FileNames {
  const pattern = namePattern(withoutSuffix(file), timezone, fixed);
  return {
    format: (at, compress, label) => withSuffix(pattern.format(at, label), compress),
    parse: (name) => pattern.parse(withoutSuffix(name)),
  };
}
