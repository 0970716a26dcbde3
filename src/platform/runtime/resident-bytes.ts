import { errnoOf } from '../../domain/faults.ts';

/** The memory that this process holds now, in bytes; undefined where no descriptor is left to ask the system with. */
export function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch (error) {
    if (errnoOf(error) !== 'EMFILE' && errnoOf(error) !== 'ENFILE') throw error;
    return undefined;
  }
}
