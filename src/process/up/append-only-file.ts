import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../domain/faults.ts';

/** Redis's default for `appenddirname`. */
const DIRECTORY = 'appendonlydir';
const LOG_BYTES = 64 * 1024;

/** What redis-server writes before it ends because of the files that it loaded. Source: aof.c and rdb.c of Redis 7.0. */
const UNREADABLE =
  /^.*(?:reading the append only file|append log file|AOF loading aborted|AOF MANIFEST|Unable to obtain the AOF file|rdb file reading failure|Fatal error loading the DB).*$/m;

/** Why the last redis-server that wrote into this log could not load its files; undefined when it did not say that. */
function whyUnreadable(log: string): string | undefined {
  const lastStart = log.lastIndexOf(' is starting ');
  return UNREADABLE.exec(log.slice(Math.max(0, lastStart)))?.[0].replace(/^\d+:[A-Z] /, '');
}

/**
 * Moves append-only files that no redis-server can load out of its way, in the place of those that were set aside before: what
 * was queued comes back from the disk and state.db (P2). Returns where they are and why, undefined when they are not the reason
 * why it ended.
 */
export async function setAsideUnreadable(
  directory: string,
  logFile: string,
): Promise<{ readonly setAside: string; readonly why: string } | undefined> {
  const why = whyUnreadable(await endOf(logFile));
  if (why === undefined) return undefined;
  const setAside = join(directory, `${DIRECTORY}.unreadable`);
  await rm(setAside, { recursive: true, force: true });
  await rename(join(directory, DIRECTORY), setAside);
  return { setAside, why };
}

/** The end of a log, which holds all that one start writes. */
async function endOf(file: string): Promise<string> {
  await using handle = await openIfThere(file);
  if (handle === undefined) return '';
  const { size } = await handle.stat();
  const position = Math.max(0, size - LOG_BYTES);
  const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(LOG_BYTES), position });
  return buffer.toString('utf8', 0, bytesRead);
}

async function openIfThere(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
