import { readFile, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { errnoOf } from '../../domain/faults.ts';
import { archiveDirectory } from './archive-plan.ts';
import type { RotateDeps } from './deps.ts';
import { isArchiveName } from './names.ts';
import type { LogEntry } from './options.ts';

const remembered = z.object({ log: z.string() });

/**
 * Of what a pattern has found, the archives of other logs of its own: each with the log that it is an archive of. Logs that were
 * rotated before count as well when they are missing at the moment.
 */
export async function ownArchives(
  { directory, timezone }: Pick<RotateDeps, 'directory' | 'timezone'>,
  entry: LogEntry,
  found: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const archives = new Map<string, string>();
  if (found.length === 1 && found[0] === entry.path) return archives; // it is named itself
  const logs = new Set([...found, ...(await logsBefore(directory))]);
  for (const path of found) {
    for (const log of logs) {
      if (archiveDirectory(entry, log) !== dirname(path)) continue;
      if (!isArchiveName(entry, basename(log), basename(path), timezone)) continue;
      archives.set(path, log);
      break;
    }
  }
  return archives;
}

/** The logs of which a state is kept. One that is damaged is said by the rotation of its log. */
async function logsBefore(directory: string): Promise<readonly string[]> {
  const logs: string[] = [];
  for (const name of await namesIn(directory)) {
    if (!name.endsWith('.json')) continue;
    const text = await readFile(join(directory, name), 'utf8');
    try {
      const { data } = remembered.safeParse(JSON.parse(text));
      if (data !== undefined) logs.push(data.log);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return logs;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
