import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { onDisk, type BytePath } from './walk.ts';

/** The SHA-256 of a file's bytes, lower-case hex. Throws what the system says, or the abort's reason. */
export async function hashFile(path: BytePath, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(onDisk(path), { highWaterMark: 256 * 1024 }), hash, { signal });
  return hash.digest('hex');
}

/** The SHA-256 of where a symlink points to. */
export async function hashLink(path: BytePath): Promise<string> {
  return createHash('sha256')
    .update(await readlink(onDisk(path), { encoding: 'buffer' }))
    .digest('hex');
}
