import { statfs } from 'node:fs/promises';
import { WavspoolError } from '../../domain/faults.ts';

/** What statfs(2) says of a disk. */
export interface Disk {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  /** Inodes in all; 0 where the file system has no limit. */
  readonly files: number;
  readonly ffree: number;
}

/** What one tar takes, in all and from here on. */
export interface Need {
  readonly bytes: number;
  readonly inodes: number;
  /** What of it is on the disk already. */
  readonly written: { readonly bytes: number; readonly inodes: number };
}

export type Room =
  | { readonly kind: 'fits' }
  /** No tar may write anything more. */
  | { readonly kind: 'disk is low'; readonly reason: string }
  /** This tar would take too much now. */
  | { readonly kind: 'too much now'; readonly reason: string }
  /** This tar would not fit on the empty disk. */
  | { readonly kind: 'never'; readonly reason: string };

/** Inodes that extraction leaves: state.db, the queues and logs need files too. */
const MIN_FREE_INODES = 1000;

/** Whether a disk has room for a tar, with `minFreeBytes` left. */
export function judgeRoom(disk: Disk, need: Need, minFreeBytes: number): Room {
  const free = disk.bavail * disk.bsize;
  if (free < minFreeBytes)
    return { kind: 'disk is low', reason: `${free} bytes free, extract.minFreeBytes is ${minFreeBytes}` };
  const isLimited = disk.files > 0;
  if (isLimited && disk.ffree < MIN_FREE_INODES)
    return { kind: 'disk is low', reason: `${disk.ffree} inodes left, ${MIN_FREE_INODES} stay free` };

  const capacity = (disk.blocks - disk.bfree + disk.bavail) * disk.bsize;
  if (need.bytes > capacity - minFreeBytes)
    return { kind: 'never', reason: `${capacity} bytes in all; the tar needs ${need.bytes} of them or more` };
  if (isLimited && need.inodes > disk.files - MIN_FREE_INODES)
    return { kind: 'never', reason: `${disk.files} inodes in all; the tar needs ${need.inodes} or more` };

  const bytes = need.bytes - need.written.bytes;
  if (free - bytes < minFreeBytes) {
    const left = `${bytes} more would leave less than extract.minFreeBytes (${minFreeBytes})`;
    return { kind: 'too much now', reason: `${free} bytes free; ${left}` };
  }
  const inodes = need.inodes - need.written.inodes;
  if (isLimited && disk.ffree - inodes < MIN_FREE_INODES) {
    const left = `${inodes} more would leave less than ${MIN_FREE_INODES}`;
    return { kind: 'too much now', reason: `${disk.ffree} inodes left; ${left}` };
  }
  return { kind: 'fits' };
}

/**
 * Throws DISK_FULL where no tar may write to the disk of `directory` any more, TAR_NEEDS_ROOM where this tar must wait,
 * TAR_TOO_LARGE where it can never fit, and what statfs(2) says.
 */
export async function requireRoom(
  directory: string,
  tar: string,
  need: Need,
  minFreeBytes: number,
): Promise<void> {
  const room = judgeRoom(await statfs(directory), need, minFreeBytes);
  switch (room.kind) {
    case 'fits':
      return;
    case 'disk is low':
      throw new WavspoolError('DISK_FULL', `the disk of ${directory} has ${room.reason}`);
    case 'too much now':
      throw new WavspoolError('TAR_NEEDS_ROOM', `${tar}: the disk of ${directory} has ${room.reason}`);
    case 'never':
      throw new WavspoolError('TAR_TOO_LARGE', `${tar}: the disk of ${directory} has ${room.reason}`);
  }
}
