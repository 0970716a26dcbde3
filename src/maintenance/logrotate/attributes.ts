import { constants } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';

/** Mode, owner and times that a copy takes over. */
export interface Attributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
}

/** Opens a file that is no symbolic link; a pipe in its place does not hang. */
export function openPlain(path: string, access: 'read' | 'read and write'): Promise<FileHandle> {
  const { O_RDONLY, O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
  return open(path, (access === 'read' ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_NONBLOCK);
}

/** A new file of that name, private until {@link giveAttributes}; what a rotation that was cut off left there goes first. */
export async function createTemporary(path: string): Promise<FileHandle> {
  await rm(path, { force: true });
  return open(path, 'wx+', 0o600);
}

/** Makes a finished copy like its original; root alone can give it to another owner, so nobody else tries. */
export async function giveAttributes(
  file: FileHandle,
  { mode, uid, gid, atimeMs, mtimeMs }: Attributes,
): Promise<void> {
  const own = await file.stat();
  if (process.getuid?.() === 0 && (own.uid !== uid || own.gid !== gid)) await file.chown(uid, gid);
  await file.chmod(mode & 0o7777);
  await file.utimes(atimeMs / 1000, mtimeMs / 1000);
}
