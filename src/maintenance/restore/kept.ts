import { lstat, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { WavspoolError, messageOf, unlessGone } from '../../domain/faults.ts';
import { at, withDirectory } from '../../platform/linux/index.ts';
import { makeDirectory, writeDurably } from '../../platform/runtime/index.ts';
import type { Saved } from './put-in-place.ts';

// What restores have kept of the databases that they replaced. It is known by what was written down when it was made, never by
// its name (P12): only a file that still is the one that was written down is removed.

/** So many are kept for each database. */
export const KEPT = 5;

/** What a restore kept. */
export interface Kept extends Saved {
  /** When it was kept, ms since 1970. */
  readonly at: number;
}

const stored = z.object({
  v: z.literal(1),
  kept: z.array(
    z.object({ path: z.string(), at: z.number(), dev: z.number(), ino: z.number(), bytes: z.number() }),
  ),
});

/** What is kept of a database and still there, the newest first. Throws STATE_UNUSABLE when the list of it is damaged. */
export async function listKept(dataDirectory: string, database: string): Promise<readonly Kept[]> {
  const there: Kept[] = [];
  for (const kept of await readList(dataDirectory, database)) if (await isSame(kept)) there.push(kept);
  return there.toSorted((a, b) => b.at - a.at);
}

/**
 * Notes what a restore has kept, and removes what is older than the {@link KEPT} newest; with `dryRun` nothing. Returns those
 * that go.
 */
export async function pruneKept(
  dataDirectory: string,
  database: string,
  { added, dryRun = false }: { readonly added?: Kept; readonly dryRun?: boolean } = {},
): Promise<readonly Kept[]> {
  const listed = await listKept(dataDirectory, database);
  const all = added === undefined ? listed : [added, ...listed];
  const [staying, going] = [all.slice(0, KEPT), all.slice(KEPT)];
  if (dryRun) return going;
  // what goes stays on the list until it is gone: a crash leaves nothing behind that no list names
  if (added !== undefined) await writeList(dataDirectory, database, all);
  const gone: Kept[] = [];
  for (const kept of going) if (await removed(kept)) gone.push(kept);
  if (gone.length > 0)
    await writeList(dataDirectory, database, [...staying, ...going.filter((kept) => !gone.includes(kept))]);
  return gone;
}

/** False when something else has its name, or the way to it has become one that is not gone (P13): then it stays listed. */
async function removed(kept: Kept): Promise<boolean> {
  try {
    return await withDirectory(dirname(kept.path), async (directory) => {
      const path = at(directory, basename(kept.path));
      if (!(await isSame({ ...kept, path }))) return false;
      for (const part of ['-wal', '-journal', '']) await rm(path + part, { force: true });
      return true;
    });
  } catch (error) {
    if (error instanceof WavspoolError && error.code === 'PATH_UNSAFE') return false;
    throw error;
  }
}

async function isSame({ path, dev, ino, bytes }: Kept): Promise<boolean> {
  const stats = await lstat(path).catch(unlessGone);
  return (
    stats !== undefined && stats.isFile() && stats.dev === dev && stats.ino === ino && stats.size === bytes
  );
}

async function readList(dataDirectory: string, database: string): Promise<readonly Kept[]> {
  const path = listPath(dataDirectory, database);
  const text = await readFile(path, 'utf8').catch(unlessGone);
  if (text === undefined) return [];
  try {
    return stored.parse(JSON.parse(text)).kept;
  } catch (error) {
    const message = `${path} does not say what restores have kept of ${database}: ${messageOf(error)}`;
    throw new WavspoolError('STATE_UNUSABLE', message, { cause: error });
  }
}

async function writeList(dataDirectory: string, database: string, kept: readonly Kept[]): Promise<void> {
  await makeDirectory(join(dataDirectory, 'restores'), 0o700);
  await writeDurably(listPath(dataDirectory, database), `${JSON.stringify({ v: 1, kept })}\n`, 0o600);
}

function listPath(dataDirectory: string, database: string): string {
  return join(dataDirectory, 'restores', `${encodeURIComponent(database)}.json`);
}
