import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../../domain/faults.ts';
import { delayedArchives, planNames, type NamingFacts, type Present } from './names.ts';
import type { LogEntry } from './options.ts';

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
