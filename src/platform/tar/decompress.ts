import { createGunzip, createZstdDecompress } from 'node:zlib';
import { errnoOf, messageOf } from '../../domain/faults.ts';
import { tarFault, type TarProgress } from './fault.ts';
import { followZstdFrames, type ZstdFrames } from './zstd-frames.ts';

export type Compression = 'gzip' | 'zstd';

type Engine = ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress>;

/** Bytes that {@link compressionOf} wants to see. */
export const MAGIC_BYTES = 4;

/** Unpacked bytes come in pieces of this size; zlib's own 16 KiB would be thirteen writes for a usual recording. */
const UNPACKED_BYTES = 256 * 1024;

/** zstd's own limit, which Node keeps to: so much memory does unpacking take. */
const MAX_WINDOW_MIB = 128;
const WINDOW_TOO_LARGE = 'ZSTD_error_frameParameter_windowTooLarge';

/** How a file that begins with `start` is compressed, by its magic bytes; undefined for a plain tar. */
export function compressionOf(start: Uint8Array): Compression | undefined {
  const hex = Buffer.from(start.subarray(0, MAGIC_BYTES)).toString('hex');
  if (hex.startsWith('1f8b')) return 'gzip';
  // the second is a frame to skip, which parallel compressors write first
  return hex === '28b52ffd' || /^5.2a4d18$/.test(hex) ? 'zstd' : undefined;
}

/**
 * What the gzip members or zstd frames in `raw` hold. Throws `TAR_INCOMPLETE` when they end early and `TAR_CORRUPT` when
 * they are damaged or when anything but zeros follows them. Reads `raw` to its end.
 */
export async function* decompressed(
  raw: AsyncIterable<Uint8Array>,
  compression: Compression,
  progress: TarProgress,
): AsyncGenerator<Uint8Array, void, undefined> {
  const options = { chunkSize: UNPACKED_BYTES };
  const engine: Engine = compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
  engine.on('error', () => undefined); // the loop below hears of it, unless its reader has just gone
  const frames = compression === 'zstd' ? followZstdFrames() : undefined;
  let produced = 0;
  const fed = feed(raw, engine, frames, (offset) =>
    tarFault(
      'TAR_CORRUPT',
      progress,
      produced,
      `bytes that are not ${compression} from byte ${offset} of the file on`,
    ),
  );
  // Handled at once, for the loop below may end with an error of its own first.
  const outcome = fed.then(
    () => undefined,
    (error: unknown) => {
      engine.destroy(error instanceof Error ? error : new Error(String(error)));
      return { error };
    },
  );
  try {
    // The engine ends at padding behind the last member; it must not be destroyed before all of `raw` was looked at.
    for await (const chunk of engine.iterator({ destroyOnReturn: false })) {
      const bytes = chunk as Uint8Array;
      produced += bytes.length;
      yield bytes;
    }
    const failed = await outcome;
    if (failed !== undefined) throw failed.error;
    if (frames?.isWhole() === false) throw endsEarly(compression, progress, produced);
  } catch (error) {
    throw engineFault(error, compression, progress, produced);
  } finally {
    engine.destroy();
    await outcome;
  }
}

/** Gives all of `raw` to `engine`; bytes that it leaves behind its last member must be zeros. */
async function feed(
  raw: AsyncIterable<Uint8Array>,
  engine: Engine,
  frames: ZstdFrames | undefined,
  foreign: (offset: number) => Error,
): Promise<void> {
  let total = 0;
  let over = false;
  for await (const chunk of raw) {
    total += chunk.length;
    frames?.take(chunk);
    if (!over) await write(engine, chunk);
    const left = Math.min(chunk.length, total - engine.bytesWritten);
    if (left === 0) continue;
    over = true;
    if (chunk.subarray(chunk.length - left).some((byte) => byte !== 0)) throw foreign(engine.bytesWritten);
  }
  engine.end();
}

function write(engine: Engine, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    // An engine that fails or is destroyed forgets the callback of the write it was at.
    const closed = () => {
      reject(engine.errored ?? new Error('the tar is not read any further'));
    };
    if (engine.destroyed) return closed();
    engine.once('close', closed);
    engine.write(chunk, (error) => {
      engine.off('close', closed);
      if (error) reject(error);
      else resolve();
    });
  });
}

function engineFault(
  error: unknown,
  compression: Compression,
  progress: TarProgress,
  produced: number,
): unknown {
  const code = errnoOf(error);
  if (code === 'Z_BUF_ERROR') {
    return endsEarly(compression, progress, produced, error);
  }
  if (code === undefined || !/^(Z|ZSTD)_/.test(code)) return error;
  if (code === WINDOW_TOO_LARGE) {
    const wanted = `it was compressed with a window of more than ${MAX_WINDOW_MIB} MiB (zstd --long)`;
    return tarFault('TAR_UNSUPPORTED', progress, produced, wanted, { cause: error });
  }
  const what = `the ${compression} stream is damaged: ${messageOf(error)}`;
  return tarFault('TAR_CORRUPT', progress, produced, what, { cause: error });
}

function endsEarly(
  compression: Compression,
  progress: TarProgress,
  produced: number,
  cause?: unknown,
): Error {
  const what = `the ${compression} stream ends early, its end was expected`;
  return tarFault('TAR_INCOMPLETE', progress, produced, what, cause === undefined ? undefined : { cause });
}
