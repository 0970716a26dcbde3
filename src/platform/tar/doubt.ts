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
  /** Undefined for a compressed tar. */
  readonly body: LastBody | undefined;
}

/** The last body of a plain tar. */
export interface LastBody {
  /** Where it ends in the file. */
  readonly end: number;
  readonly size: number;
  /** With how many zeros it ends, of those that were looked at. */
  readonly zeroTail: number;
}

/** So many zeros at the end of a compressed file are room, or padding for a tape. */
const ROOM_BYTES = BLOCK_BYTES;
/** So much is looked at behind damage, and at a time. */
const LOOK_BYTES = 256 * 1024;
/** So far back sound is looked for. */
const LOOK_BACK_BYTES = 64 * 1024 * 1024;
/** The header of a recording, with what else may stand before its sound. */
const SOUND_HEADER_BYTES = 4096;
/** A page of memory: what programs write at once (OpenSSH's sftp: 32 KiB) is a multiple of it; silence begins anywhere. */
const CLIENT_WRITE_BYTES = 4096;

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
  const isUsual = !(await isRoom(file, body));
  return { reason: 'its last recording ends in zeros', isUsual };
}

/**
 * Whether zeros at the end of a body are room that a client has not filled, rather than silence: there is sound before them, and they begin
 * where clients go on writing, or are at least as much as the sound. What is silent from its beginning is silence.
 */
async function isRoom(file: FileHandle, { end, size }: LastBody): Promise<boolean> {
  // what was left out of a sparse body lies nowhere
  const zeros = await zerosBefore(file, end, Math.min(size, end, LOOK_BACK_BYTES));
  if (zeros >= LOOK_BACK_BYTES) return true;
  const soundBytes = size - zeros;
  if (soundBytes <= SOUND_HEADER_BYTES) return false;
  return (end - zeros) % CLIENT_WRITE_BYTES === 0 || zeros >= soundBytes;
}

/** How many zeros stand right before `end`, of the `most` bytes there. */
async function zerosBefore(file: FileHandle, end: number, most: number): Promise<number> {
  const memory = Buffer.allocUnsafe(Math.min(most, LOOK_BYTES));
  let zeros = 0;
  while (zeros < most) {
    const length = Math.min(memory.length, most - zeros);
    const { bytesRead } = await file.read(memory, 0, length, end - zeros - length);
    if (bytesRead < length) return zeros; // it was cut meanwhile, which the next look sees
    const lastSound = memory.subarray(0, length).findLastIndex((byte) => byte !== 0);
    zeros += length - 1 - lastSound;
    if (lastSound >= 0) return zeros;
  }
  return zeros;
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
