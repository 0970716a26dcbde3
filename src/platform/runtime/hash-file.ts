import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { errnoOf } from '../../domain/faults.ts';

const READ_BYTES = 1024 * 1024;

/** The SHA-256 of a file's bytes, lower-case hex. Throws what the system says, or the abort's reason. */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const options = signal === undefined ? {} : { signal };
  await pipeline(createReadStream(path, { highWaterMark: READ_BYTES }), hash, options);
  return hash.digest('hex');
}

/** As {@link sha256OfFile}; undefined where there is no such file. */
export async function sha256IfThere(path: string): Promise<string | undefined> {
  try {
    return await sha256OfFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
