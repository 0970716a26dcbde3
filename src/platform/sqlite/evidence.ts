import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { existsSync, readSync, statSync } from 'node:fs';
import { lastingDescriptor, readWalIndex } from './pinned-pages.ts';

/** The file change counter, and the number of the version that wrote it. */
const COUNTERS = [
  { offset: 24, length: 4 },
  { offset: 92, length: 8 },
] as const;
const WAL_HEADER_BYTES = 32;
/** Two changes within a tick of the file system's clock leave the same time. */
const TICK_MS = 1000;

/**
 * What the files of the database at `path` look like, as far as every commit changes it: the same evidence twice means that
 * nothing was committed in between. undefined when a file was touched less than a second before `now`, for then the same
 * time may still be given to another change. Only for a process of its own, like all that reads a live database's files.
 */
export function changeEvidence(path: string, now: number): string | undefined {
  if (!existsSync(path)) return undefined; // opening it says so
  const files = [path, `${path}-wal`, `${path}-journal`].map((file) => (existsSync(file) ? file : undefined));
  const stats = files.map((file) => (file === undefined ? undefined : statSync(file, { bigint: true })));
  if (stats.some((stat) => stat !== undefined && now - Number(stat.mtimeMs) < TICK_MS)) return undefined;
  const seen = stats.map((stat) =>
    stat === undefined ? 'none' : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`,
  );
  const counters = COUNTERS.map(({ offset, length }) => readHex(path, offset, length));
  const log = files[1] === undefined ? 'none' : readHex(files[1], 0, WAL_HEADER_BYTES);
  return hash('sha256', [...seen, ...counters, log, readWalIndex(path)?.version ?? 'none'].join('|'));
}

function readHex(path: string, offset: number, length: number): string {
  const bytes = Buffer.alloc(length);
  return bytes.toString('hex', 0, readSync(lastingDescriptor(path), bytes, 0, length, offset));
}
