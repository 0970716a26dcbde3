import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import { isUnpackFault, packers, unpackers, type Compression } from '../../platform/runtime/index.ts';

/** Writes `from`, compressed, to a new file `to` of mode 0600. Throws DISK_FULL or what else the system says. */
export async function compressFile(
  from: string,
  to: string,
  compress: Compression,
  signal: AbortSignal,
): Promise<void> {
  await copyThrough(packers(compress), from, to, signal);
}

/** Writes what the compressed file `from` holds to a new file `to` of mode 0600. Throws SNAPSHOT_BAD or DISK_FULL. */
export async function decompressFile(
  from: string,
  to: string,
  compress: Compression,
  signal: AbortSignal,
): Promise<void> {
  try {
    await copyThrough(unpackers(compress), from, to, signal);
  } catch (error) {
    if (!isUnpackFault(error)) throw error;
    throw new WavspoolError('SNAPSHOT_BAD', `${from} cannot be decompressed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function copyThrough(
  streams: ReturnType<typeof packers>,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  const target = createWriteStream(to, { flags: 'wx', mode: 0o600 });
  try {
    await pipeline([createReadStream(from), ...streams, target], { signal });
  } catch (error) {
    if (errnoOf(error) !== 'ENOSPC' && errnoOf(error) !== 'EDQUOT') throw error;
    throw new WavspoolError('DISK_FULL', `no room for ${to}`, { cause: error });
  }
}
