import { read as readCallback, readSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Clock } from './clock.ts';
import { createSyncFirst } from './sync-first.ts';

/** `length` bytes from `position` on, in `memory`; fewer where the file ends before. Throws the system's errors. */
export type ReadExactly = (
  descriptor: number,
  position: number,
  length: number,
  memory: Buffer,
) => Promise<Buffer>;

const read = promisify(readCallback);

/** Reads in the thread pool. */
export const readExactly: ReadExactly = async (descriptor, position, length, memory) => {
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await read(descriptor, memory, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return memory.subarray(0, filled);
};

/** What is longer is worth the way to the thread pool. */
const SHORT_BYTES = 1024 * 1024;
/** From memory, that many bytes take a tenth of it. */
const SLOW_MS = 2;

/**
 * Reads what is short without waiting, for as long as that is quick. What was written seconds ago lies in memory still, and to
 * copy a usual recording from there takes 30 µs, half of what the thread pool costs.
 */
export function createQuickReader(clock: Clock): ReadExactly {
  const syncFirst = createSyncFirst(clock, SLOW_MS);
  return (descriptor, position, length, memory) => {
    const inPool = (): Promise<Buffer> => readExactly(descriptor, position, length, memory);
    if (length > SHORT_BYTES) return inPool();
    return syncFirst(() => readExactlyNow(descriptor, position, length, memory), inPool);
  };
}

/** As {@link readExactly}, without waiting; in memory of its own unless told where. */
export function readExactlyNow(
  descriptor: number,
  position: number,
  length: number,
  memory: Buffer = Buffer.alloc(length),
): Buffer {
  let filled = 0;
  while (filled < length) {
    const bytesRead = readSync(descriptor, memory, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return memory.subarray(0, filled);
}
