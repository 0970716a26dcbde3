import type { Duplex } from 'node:stream';
import { constants, createGunzip, createGzip, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { errnoOf } from '../../domain/faults.ts';

/** How a file that wavspool makes is stored. */
export type Compression = 'none' | 'gzip' | 'zstd';

const SUFFIXES: Readonly<Record<Compression, string>> = { none: '', gzip: '.gz', zstd: '.zst' };
const ANY_SUFFIX = /\.(?:gz|zst)$/;
/** A flipped bit in a frame is found by its checksum; gzip has one always. */
const ZSTD = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

/** A file name as it stands for a file that is stored so: with `.gz` or `.zst` unless it has that already. */
export function withSuffix(name: string, compress: Compression): string {
  return name.endsWith(SUFFIXES[compress]) ? name : name + SUFFIXES[compress];
}

/** A file name without `.gz` or `.zst`. */
export function withoutSuffix(name: string): string {
  return name.replace(ANY_SUFFIX, '');
}

/** How a file is stored, by its name. */
export function compressionOf(name: string): Compression {
  if (name.endsWith(SUFFIXES.gzip)) return 'gzip';
  return name.endsWith(SUFFIXES.zstd) ? 'zstd' : 'none';
}

/** What a pipeline needs to store bytes so: nothing, or one stream. */
export function packers(compress: Compression): readonly Duplex[] {
  if (compress === 'none') return [];
  return [compress === 'gzip' ? createGzip() : createZstdCompress(ZSTD)];
}

/** The way back. A pipeline with it fails with an error that {@link isUnpackFault} knows when the bytes are damaged. */
export function unpackers(compress: Compression): readonly Duplex[] {
  if (compress === 'none') return [];
  return [compress === 'gzip' ? createGunzip() : createZstdDecompress()];
}

/** Whether an error says that compressed bytes are damaged or end early. */
export function isUnpackFault(error: unknown): boolean {
  return /^(?:Z_|ZSTD_)/.test(errnoOf(error) ?? '');
}
