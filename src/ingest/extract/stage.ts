import type { FileHandle } from 'node:fs/promises';
import type { YieldTurn } from '../../platform/runtime/index.ts';
import type { TarVersion } from '../../domain/tar.ts';
import { admittedEndings, type ReadTarOptions } from '../../platform/tar/index.ts';
import type { ExtractDeps } from './deps.ts';
import { requireRoom } from './room.ts';
import type { Scratch } from './scratch.ts';
import type { UnsyncedFiles } from './sync-files.ts';
import { countBytes, requireSize, type Tally } from './tally.ts';
import { writeRecording, type WrittenRecording } from './write-recording.ts';

/** The disk is asked again after so much: a compressed tar does not say how large it is. */
const ROOM_CHECK_BYTES = 64 * 1024 * 1024;
const ROOM_CHECK_INODES = 500;

/** One tar that is being staged. */
export interface Staging {
  readonly deps: ExtractDeps;
  readonly tar: TarVersion;
  readonly file: FileHandle;
  /** Where its members go to. */
  readonly directory: string;
  readonly scratch: Scratch;
  readonly yieldTurn: YieldTurn;
  readonly signal: AbortSignal;
  /** Makes the directory and asks for room, before the first file is written to it; once. */
  readonly prepare: Once;
}

/** What is done at most once, when it is first needed. */
export interface Once {
  (): Promise<void>;
  readonly wasDone: () => boolean;
}

/** Does it at the first call; every call waits for that one. */
export function once(act: () => Promise<void>): Once {
  let done: Promise<void> | undefined;
  return Object.assign(() => (done ??= act()), { wasDone: () => done !== undefined });
}

/** A {@link Staging} under way. */
export interface Stage extends Staging {
  readonly tally: Tally;
  readonly unsynced: UnsyncedFiles;
  /** What the tally was when there was room last. */
  readonly checked: { bytes: number; inodes: number };
  readonly links: PendingLink[];
}

/** A hard link whose bytes are still to be found. */
export interface PendingLink {
  readonly member: string;
  readonly path: string;
  readonly target: string;
  /** So many recordings stand before it, */
  readonly after: number;
  /** and so many members with itself. */
  readonly entry: number;
}

/** How the tar is read: each time the same way. */
export function readingOf({ deps, file, yieldTurn, signal }: Staging): ReadTarOptions {
  return { file, signal, yieldTurn, admit: admittedEndings(deps.unterminated) };
}

/** Hands a written recording on. */
export async function stageRecording(
  { scratch, tally, unsynced }: Stage,
  member: string,
  relativePath: string,
  recording: WrittenRecording,
): Promise<void> {
  tally.staged += 1;
  scratch.stage({ ...recording, member, relativePath }); // before it is synced: a failure finds its temporary file
  await unsynced.add(recording.temporary, recording.size);
}

/** What the recordings with files of their own take of the disk. */
export function writtenOf({ bytes, staged, inodes, inTar }: Tally): {
  readonly bytes: number;
  readonly inodes: number;
  readonly files: number;
} {
  return { bytes: bytes - inTar.bytes, inodes: inodes - inTar.recordings, files: staged - inTar.recordings };
}

/** Writes a body to a temporary file. */
export async function write(stage: Stage, body: AsyncIterable<Uint8Array>): Promise<WrittenRecording> {
  const { directory, tally, tar, deps } = stage;
  await stage.prepare();
  return writeRecording(directory, body, (bytes) => countBytes(tally, tar.path, bytes, deps.limits));
}

/** Throws where the limits or the disk do not allow another `size` bytes. */
export async function requireAllowed(stage: Stage, size: number): Promise<void> {
  const { deps, tally, checked, tar, directory } = stage;
  requireSize(tally, tar.path, size, deps.limits);
  const taken = writtenOf(tally);
  const bytes = taken.bytes + size;
  const { inodes } = taken;
  const isFar = bytes - checked.bytes >= ROOM_CHECK_BYTES || inodes - checked.inodes >= ROOM_CHECK_INODES;
  if (!isFar) return;
  deps.needs?.set(tar.path, bytes);
  await stage.prepare();
  const written = { bytes: taken.bytes, inodes: taken.files };
  await requireRoom(directory, tar.path, { bytes, inodes, written }, deps.limits.minFreeBytes);
  checked.bytes = taken.bytes;
  checked.inodes = inodes;
}
