import { createHash } from 'node:crypto';
import { open, readlink } from 'node:fs/promises';
import { onDisk, type BytePath } from './walk.ts';

/** How many files are hashed at the same time: most are small, and opening them takes longer than reading them. */
export const HASHED_AT_ONCE = 8;
const READ_BYTES = 256 * 1024;

/** The SHA-256 of a file's bytes, lower-case hex; `size` only says what to make ready for. Throws what the system says, or the abort's reason. */
export async function hashFile(path: BytePath, size: bigint, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(onDisk(path));
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
export async function hashLink(path: BytePath): Promise<string> {
  return createHash('sha256')
    .update(await readlink(onDisk(path), { encoding: 'buffer' }))
    .digest('hex');
}
