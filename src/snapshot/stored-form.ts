import { createReadStream, createWriteStream } from 'node:fs';
import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, createGzip, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { WavspoolError, errnoOf, messageOf } from '../faults.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

const SUFFIXES: Readonly<Record<Compression, string>> = { none: '', gzip: '.gz', zstd: '.zst' };
const ZSTD_LEVEL = 3;

/** A file name as it stands for a file that is compressed so: with `.gz` or `.zst` unless the pattern has it already. */
export function withSuffix(name: string, compress: Compression): string {
  const suffix = SUFFIXES[compress];
  return name.endsWith(suffix) ? name : name + suffix;
}

/** How a file is compressed, by its name. */
export function compressionOf(name: string): Compression {
  if (name.endsWith(SUFFIXES.gzip)) return 'gzip';
  return name.endsWith(SUFFIXES.zstd) ? 'zstd' : 'none';
}

/** Writes `from`, compressed, to a new file `to` of mode 0600. Throws DISK_FULL or what else the system says. */
export async function compressFile(
  from: string,
  to: string,
  compress: Exclude<Compression, 'none'>,
  signal: AbortSignal,
): Promise<void> {
  const packer =
    compress === 'gzip'
      ? createGzip()
      : createZstdCompress({
          params: {
            [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL,
            [constants.ZSTD_c_checksumFlag]: 1,
          },
        });
  await intoFile(to, () =>
    pipeline(createReadStream(from), packer, createWriteStream(to, { flags: 'wx', mode: 0o600 }), { signal }),
  );
}

/** Writes what the compressed file `from` holds to a new file `to` of mode 0600. Throws SNAPSHOT_BAD or DISK_FULL. */
export async function decompressFile(
  from: string,
  to: string,
  compress: Exclude<Compression, 'none'>,
  signal: AbortSignal,
): Promise<void> {
  const unpacker = compress === 'gzip' ? createGunzip() : createZstdDecompress();
  try {
    await intoFile(to, () =>
      pipeline(createReadStream(from), unpacker, createWriteStream(to, { flags: 'wx', mode: 0o600 }), {
        signal,
      }),
    );
  } catch (error) {
    if (/^(?:Z_|ZSTD_|ERR_)/.test(errnoOf(error) ?? '')) {
      throw new WavspoolError('SNAPSHOT_BAD', `${from} cannot be decompressed: ${messageOf(error)}`, {
        cause: error,
      });
    }
    throw error;
  }
}

async function intoFile(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (errnoOf(error) !== 'ENOSPC' && errnoOf(error) !== 'EDQUOT') throw error;
    throw new WavspoolError('DISK_FULL', `no room for ${path}`, { cause: error });
  }
}

/** The SHA-256 of a file's bytes, lower-case hex. */
export async function sha256OfFile(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash, { signal });
  return hash.digest('hex');
}
