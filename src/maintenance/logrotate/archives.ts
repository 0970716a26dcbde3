import { lstat, readdir, readFile } from 'node:fs/promises';
import { basename, join, dirname } from 'node:path';
import { unlessGone, errnoOf } from '../../domain/faults.ts';
import {
  isArchive,
  type LogEntry,
  delayedArchives,
  planNames,
  type NamingFacts,
  type Present,
  isArchiveName,
} from './names.ts';
import { logsOf } from './logs-of.ts';
import { z } from 'zod';
import type { RotateDeps } from './deps.ts';

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

/** The archive's dated name is not free. */
export interface TakenName {
  readonly kind: 'taken';
  readonly by: string;
}

/** What a rotation does to names, as absolute paths. */
export interface ArchivePlan {
  readonly kind: 'free';
  readonly archive: string;
  readonly aged: readonly string[];
  readonly shifts: readonly { readonly from: string; readonly to: string }[];
  readonly removes: readonly string[];
}

/** Where a log's archives go. */
export function archiveDirectory(entry: LogEntry, log: string): string {
  return entry.dir ?? dirname(log);
}

/** Which archives `delaycompress` has left to compress now. */
export async function delayedPaths(entry: LogEntry, log: string, when: When): Promise<readonly string[]> {
  const directory = archiveDirectory(entry, log);
  const present = await presentIn(directory);
  return delayedArchives(entry, factsOf(log, present, when)).map((name) => join(directory, name));
}

/**
 * The names of this rotation, given what is there now; `compressed` counts as compressed already.
 */
export async function planArchive(
  entry: LogEntry,
  log: string,
  when: When,
  compressed: readonly string[] = [],
): Promise<ArchivePlan | TakenName> {
  const directory = archiveDirectory(entry, log);
  const within = (name: string): string => join(directory, name);
  const present = (await presentIn(directory)).map((one) =>
    compressed.includes(within(one.name)) ? { ...one, name: `${one.name}.gz` } : one,
  );
  const plan = planNames(entry, factsOf(log, present, when));
  if (plan.kind === 'taken') return { kind: 'taken', by: within(plan.by) };
  return {
    kind: 'free',
    archive: within(plan.archive),
    aged: plan.aged.map(within),
    shifts: plan.shifts.map(({ from, to }) => ({ from: within(from), to: within(to) })),
    removes: plan.removes.map(within),
  };
}

type When = Pick<NamingFacts, 'now' | 'timezone'>;

function factsOf(log: string, present: readonly Present[], when: When): NamingFacts {
  return { log: basename(log), present, ...when };
}

/** Every name in a directory, sorted; none when there is no such directory yet. */
async function presentIn(directory: string): Promise<readonly Present[]> {
  const present: Present[] = [];
  for (const name of await namesIn(directory)) {
    try {
      present.push({ name, mtimeMs: (await lstat(join(directory, name))).mtimeMs });
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error; // gone since the directory was read
    }
  }
  return present;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).toSorted();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

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
