import type { Buffer as Bytes } from 'node:buffer';
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readlink } from 'node:fs/promises';

/** How many files are hashed at the same time: most are small, and opening them takes longer than reading them. */
export const HASHED_AT_ONCE = 8;
const READ_BYTES = 256 * 1024;
/** What has become a link is not followed, and what has become a pipe is not waited for. */
const AS_IT_LIES = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The SHA-256 of a file's bytes, lower-case hex; `size` only says what to make ready for. Throws what the system says, or the abort's reason. */
export async function hashFile(path: Bytes, size: bigint, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, AS_IT_LIES);
  try {
    const buffer = Buffer.allocUnsafe(Math.min(Number(size) + 1, READ_BYTES));
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/** The SHA-256 of where a symlink points to. */
export async function hashLink(path: Bytes): Promise<string> {
  return createHash('sha256')
    .update(await readlink(path, { encoding: 'buffer' }))
    .digest('hex');
}
