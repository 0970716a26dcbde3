import { createHash } from 'node:crypto';
import { constants, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { errnoOf } from '../../domain/faults.ts';

const READ_BYTES = 1024 * 1024;

/** The open of a named pipe without a writer would wait for ever; read, it is empty. */
// oxlint-disable-next-line no-bitwise -- flags of open(2)
const READ = constants.O_RDONLY | constants.O_NONBLOCK;

/** The SHA-256 of a file's bytes, lower-case hex. Throws what the system says, or the abort's reason. */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const options = signal === undefined ? {} : { signal };
  const file = await open(path, READ);
  await pipeline(file.createReadStream({ highWaterMark: READ_BYTES }), hash, options);
  return hash.digest('hex');
}

/**
 * As {@link sha256OfFile}; undefined where there is no such file. That is asked first and without waiting: a stream that fails to open
 * costs a hundred times as much.
 */
export async function sha256IfThere(path: string): Promise<string | undefined> {
  try {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    return await sha256OfFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
