import { readFileSync } from 'node:fs';
import { errnoOf } from '../../domain/faults.ts';

/** `1: POSIX  ADVISORY  READ 4711 08:01:1835021 1073741826 1073742335`; a process that waits has `->` before the kind. */
const LOCK = /^\d+:\s+(?:->\s+)?\S+\s+\S+\s+(?:READ|WRITE)\s+(-?\d+)\s+([0-9a-f]+:[0-9a-f]+:(\d+))\s/;

/**
 * Whether another process holds a lock on a file on which this one, `pid`, holds one as well, out of the lines of `/proc/locks`.
 * The file is known by its inode and by our own lock, for the device there is not always the one that `stat` gives. Undefined
 * when our own is not among them: then it cannot be told. Pure.
 */
export function othersAmong(locks: string, inode: bigint, pid: number): boolean | undefined {
  const held = locks.split('\n').flatMap((line) => {
    const [, holder, file = '', ino] = LOCK.exec(line) ?? [];
    return ino === String(inode) ? [{ file, holder: Number(holder) }] : [];
  });
  const own = new Set(held.filter(({ holder }) => holder === pid).map(({ file }) => file));
  return own.size === 0 ? undefined : held.some(({ file, holder }) => holder !== pid && own.has(file));
}

/** As {@link othersAmong}, of the locks as they are now. One small read, however many processes run on this machine. */
export function isLockedByOthers(inode: bigint): boolean | undefined {
  try {
    return othersAmong(readFileSync('/proc/locks', 'latin1'), inode, process.pid);
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}
