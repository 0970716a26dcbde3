import { statfs, type FileHandle } from 'node:fs/promises';
import { BLOCK_BYTES } from './header.ts';

/**
 * Why the end of a tar may be zeros that are still to be filled. A client that reserves the room for a tar leaves zeros where it
 * has not written yet, and two blocks of zeros are the end marker. None of this proves anything: it is waited for longer.
 */
export interface Doubt {
  readonly reason: string;
  /** False where recordings that end in silence look the same. */
  readonly isUsual: boolean;
}

/** What reading a tar to its end has shown of that. */
export interface EndSeen {
  readonly members: number;
  /** Zeros behind the record in which it ends; 0 for a compressed tar. */
  readonly zerosBehind: number;
  /** Bytes of the file that take up no room on the disk. */
  readonly holeBytes: number;
  /** Where the last body ends, and with how many zeros, of those that were looked at; undefined for a compressed tar. */
  readonly body: { readonly end: number; readonly zeroTail: number } | undefined;
}

/** So many zeros at the end of a compressed file are room, or padding for a tape. */
const ROOM_BYTES = BLOCK_BYTES;
/** So much is looked at behind damage. */
const LOOK_BYTES = 256 * 1024;

/** File systems that compress, or that tell the blocks of another host: fewer blocks than bytes mean nothing there. */
const BLOCKS_TELL_NOTHING: ReadonlySet<number> = new Set([
  0x9123683e, // btrfs
  0x2fc12fc1, // zfs
  0xca451a4e, // bcachefs
  0xf2f52010, // f2fs
  0xe0f5e1e2, // erofs
  0x73717368, // squashfs
  0x5346544e, // ntfs
  0x7366746e, // ntfs3
  0x65735546, // fuse
  0x6969, // nfs
  0xff534d42, // cifs
  0xfe534d42, // smb2
  0x00c36400, // ceph
  0x01021997, // 9p
]);

/** Whether there may be room left to be filled in a tar that is whole to its reader. Throws what the system says. */
export async function doubtOfEnd(file: FileHandle, seen: EndSeen): Promise<Doubt | undefined> {
  const { members, zerosBehind, holeBytes, body } = seen;
  if (holeBytes > 0 && (await blocksTell(file)))
    return { reason: `${holeBytes} of its bytes were never written`, isUsual: false };
  if (body === undefined) {
    const { size } = await file.stat();
    if (!(await isZero(file, size - ROOM_BYTES, size))) return undefined;
    return { reason: 'zeros behind the compressed data', isUsual: false };
  }
  if (zerosBehind > 0)
    return { reason: `${zerosBehind} zeros behind the record that holds the end marker`, isUsual: false };
  if (members === 0) return { reason: 'it is nothing but zeros', isUsual: true };
  // what a client writes at once begins and ends at blocks, wherever a recording ends
  const lastBlock = ((body.end - 1) % BLOCK_BYTES) + 1;
  if (body.end === 0 || body.zeroTail < lastBlock) return undefined;
  return { reason: 'its last recording ends in zeros', isUsual: true };
}

/** Damage where a client has not written yet: from `readTo` on, or at the end of a compressed file, there are only zeros. */
export async function doubtOfDamage(
  file: FileHandle,
  readTo: number | undefined,
): Promise<Doubt | undefined> {
  const { size } = await file.stat();
  if (!(await isZero(file, size - ROOM_BYTES, size))) return undefined;
  if (readTo !== undefined && !(await isZero(file, readTo, Math.min(readTo + LOOK_BYTES, size))))
    return undefined;
  return { reason: 'zeros up to its end, where something else was expected', isUsual: false };
}

/** Whether there are only zeros, and at least one. */
async function isZero(file: FileHandle, from: number, to: number): Promise<boolean> {
  const start = Math.max(from, 0);
  const memory = Buffer.allocUnsafe(Math.max(to - start, 0));
  const { bytesRead } = await file.read(memory, 0, memory.length, start);
  return bytesRead > 0 && memory.subarray(0, bytesRead).every((byte) => byte === 0);
}

async function blocksTell(file: FileHandle): Promise<boolean> {
  const { type } = await statfs(`/proc/self/fd/${file.fd}`);
  return !BLOCKS_TELL_NOTHING.has(type % 2 ** 32);
}
