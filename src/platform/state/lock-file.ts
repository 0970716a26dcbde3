import { join } from 'node:path';

/**
 * The file below `paths.data` that stands for `state.db`: every process that has the database open holds its lock with the others,
 * a restore that puts another file in its place takes it alone.
 */
export function stateLockFile(data: string): string {
  return join(data, 'state.lock');
}
