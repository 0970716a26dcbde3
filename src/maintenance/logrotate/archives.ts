import { lstat, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { unlessGone } from '../../domain/faults.ts';
import { archiveDirectory } from './archive-plan.ts';
import { isArchive } from './names.ts';
import { logsOf } from './logs-of.ts';
import type { LogEntry } from './options.ts';

/** A rotated log that is kept. */
export interface Archive {
  readonly log: string;
  readonly path: string;
  readonly name: string;
  /** When it was last written to, ms since 1970. */
  readonly at: number;
  readonly bytes: number;
}

/** The archives of every log of an entry, by the names that its options give; in no order. Throws what the system says. */
export async function listArchives(entry: LogEntry, timezone: string): Promise<readonly Archive[]> {
  const found: Archive[] = [];
  for (const log of await logsOf(entry.path)) {
    const directory = archiveDirectory(entry, log);
    for (const name of (await readdir(directory).catch(unlessGone)) ?? []) {
      if (!isArchive(entry, basename(log), name, timezone)) continue;
      const path = join(directory, name);
      const stats = await lstat(path).catch(unlessGone);
      if (stats?.isFile() === true) found.push({ log, path, name, at: stats.mtimeMs, bytes: stats.size });
    }
  }
  return found;
}
