import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { createZstdCompress, createZstdDecompress } from 'node:zlib';
import { growFile, writeDurably } from '../../platform/runtime/index.ts';
import { FILE_MODE, removeFiles } from './archive.ts';
import { encodeBase, type BaseDescription } from './format.ts';
import { baseFile } from './names.ts';
import { artifactFault, bad } from './read-records.ts';
import { ZSTD_LEVEL } from './write-records.ts';

const STAGED_BYTES = 1024 * 1024;

/** The image of a base in the making. */
export interface BaseWriter {
  /** Takes the next pages in order; they may be overwritten once this resolves. */
  readonly write: (contents: readonly Buffer[]) => Promise<void>;
  /** Ends the image; {@link publishBase} gives it its name. */
  readonly finish: () => Promise<BaseImage>;
  readonly discard: () => Promise<void>;
}

export interface BaseImage {
  readonly path: string;
  readonly sha256: string;
  readonly storedBytes: number;
  readonly storedSha256: string;
  readonly publish: (path: string) => Promise<boolean>;
  /** Removes it; harmless after it was published. */
  readonly discard: () => Promise<void>;
}

/** Begins a base: the database file as it is, in one zstd frame. */
export async function writeBase(directory: string): Promise<BaseWriter> {
  const file = await growFile(directory, FILE_MODE);
  const plain = createHash('sha256');
  const stored = createHash('sha256');
  const zstd = createZstdCompress(ZSTD_LEVEL);
  const written = (async () => {
    for await (const chunk of zstd as AsyncIterable<Buffer>) {
      stored.update(chunk);
      await file.write(chunk);
    }
  })();
  written.catch(() => zstd.destroy()); // the error itself comes out of write or finish
  return {
    write: async (contents) => {
      const bytes = Buffer.concat(contents);
      plain.update(bytes);
      if (!zstd.write(bytes)) await Promise.race([drained(zstd), written]);
    },
    finish: async () => {
      zstd.end();
      await written;
      return {
        path: file.temporary,
        sha256: plain.digest('hex'),
        storedBytes: file.bytes(),
        storedSha256: stored.digest('hex'),
        publish: file.publish,
        discard: file.discard,
      };
    },
    discard: async () => {
      zstd.destroy();
      await written.catch(() => undefined); // it is thrown away, whatever became of it
      await file.discard();
    },
  };
}

/**
 * As {@link writeBase}, but gathers the plain pages first and compresses them at the end: for where somebody waits until all
 * pages are taken.
 */
export async function stageBase(directory: string): Promise<BaseWriter> {
  const staged = await growFile(directory, FILE_MODE);
  return {
    write: (contents) => staged.write(Buffer.concat(contents)),
    finish: async () => {
      const base = await writeBase(directory);
      try {
        for await (const chunk of createReadStream(staged.temporary, { highWaterMark: STAGED_BYTES })) {
          await base.write([chunk as Buffer]);
        }
        return await base.finish();
      } catch (error) {
        await base.discard();
        throw error;
      } finally {
        await staged.discard();
      }
    },
    discard: staged.discard,
  };
}

function drained(stream: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => void stream.once('drain', () => resolve()));
}

/** Gives a base its name: first the image, then the description that makes it count. */
export async function publishBase(directory: string, image: BaseImage, base: BaseDescription): Promise<void> {
  const path = join(directory, baseFile(base, 'db.zst'));
  await removeFiles(directory, [baseFile(base, 'db.zst')]); // left by a crash before its description was written
  if (!(await image.publish(path)))
    throw bad(path, 'is there already: something else writes into this archive');
  await writeDurably(join(directory, baseFile(base, 'json')), encodeBase(base), FILE_MODE);
}

/**
 * Unpacks the image at `path` into a new file `target`, checking both its sums. Throws SNAPSHOT_BAD when they differ, or the
 * abort's reason.
 */
export async function unpackBase(
  path: string,
  base: Pick<BaseDescription, 'sha256' | 'storedSha256' | 'pageCount' | 'pageSize'>,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const file = await open(target, 'wx', FILE_MODE);
  try {
    const sums = await unpack(path, file, signal);
    if (sums.stored !== base.storedSha256 || sums.plain !== base.sha256) {
      throw bad(path, 'does not fit its SHA-256');
    }
    if (sums.bytes !== base.pageCount * base.pageSize) throw bad(path, 'is not as long as it should be');
  } catch (error) {
    throw artifactFault(path, error);
  } finally {
    await file.close();
  }
}

async function unpack(
  path: string,
  target: FileHandle,
  signal: AbortSignal,
): Promise<{ stored: string; plain: string; bytes: number }> {
  const stored = createHash('sha256');
  const plain = createHash('sha256');
  let bytes = 0;
  const source = createReadStream(path);
  const zstd = createZstdDecompress();
  source.on('data', (chunk) => stored.update(chunk));
  source.once('error', (error) => zstd.destroy(error));
  source.pipe(zstd);
  for await (const chunk of zstd as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    plain.update(chunk);
    await target.writeFile(chunk);
    bytes += chunk.length;
  }
  await finished(source);
  return { stored: stored.digest('hex'), plain: plain.digest('hex'), bytes };
}
