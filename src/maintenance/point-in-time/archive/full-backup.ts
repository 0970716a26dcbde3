import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, type FileHandle, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { createZstdCompress, createZstdDecompress } from 'node:zlib';
import { growFile, writeDurably, temporaryPath, type Clock } from '../../../platform/runtime/index.ts';
import { FILE_MODE, removeFiles, markVerified } from './archive.ts';
import { encodeBase, type BaseDescription } from './format.ts';
import { baseFile } from './names.ts';
import { artifactFault, bad, ZSTD_LEVEL } from './records.ts';
import type { Report } from '../../../domain/events.ts';
import { faultCode, messageOf, WavspoolError } from '../../../domain/faults.ts';
import { finishCopy } from '../../../platform/sqlite/index.ts';

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

/** What a base holds, but for what its image adds. */
export type BaseFacts = Omit<
  BaseDescription,
  'format' | 'link' | 'sha256' | 'storedBytes' | 'storedSha256'
> & {
  /** The link of the record whose state it is; none when no record leads to it. */
  readonly link: string | undefined;
};

/**
 * Proves an image by unpacking it, opening it and checking it whole, and only then gives it its name. Throws
 * DATABASE_DAMAGED, and leaves nothing, when the check finds faults: the live database has them then.
 */
async function completeBase(
  directory: string,
  image: BaseImage,
  facts: BaseFacts,
  clock: Clock,
  signal: AbortSignal,
): Promise<BaseDescription> {
  const { sha256, storedBytes, storedSha256 } = image;
  const base: BaseDescription = {
    ...facts,
    format: 1,
    link: facts.link ?? sha256,
    sha256,
    storedBytes,
    storedSha256,
  };
  const copy = temporaryPath(directory);
  try {
    await unpackBase(image.path, base, copy, signal);
    const faults = finishCopy(copy);
    if (faults.length > 0) {
      const message = `${facts.database}: integrity_check finds in its copy: ${faults.join('; ')}`;
      throw new WavspoolError('DATABASE_DAMAGED', message);
    }
    await publishBase(directory, image, base);
  } finally {
    await removeCopy(copy);
    await image.discard();
  }
  const { position, at } = base;
  await markVerified(directory, base, { position, through: { position, at }, at: clock.now() });
  return base;
}

/**
 * As completeBase, and says so. A copy that is not sound ends the run, unless the records go on without a new base: then it
 * is refused, with an alarm, and undefined comes back.
 */
export async function offerBase(
  deps: { readonly clock: Clock; readonly report: Report },
  directory: string,
  image: BaseImage,
  facts: BaseFacts,
  signal: AbortSignal,
): Promise<BaseDescription | undefined> {
  const { database, reason, position, pageCount } = facts;
  try {
    const base = await completeBase(directory, image, facts, deps.clock, signal);
    const bytes = base.storedBytes;
    deps.report('point in time base written', { database, reason, position, pageCount, bytes });
    return base;
  } catch (error) {
    if (faultCode(error) !== 'DATABASE_DAMAGED' || !facts.continues) throw error;
    deps.report('point in time base refused', { database, reason: messageOf(error) });
    return undefined;
  }
}

/** Removes a temporary database with whatever SQLite put beside it. */
export async function removeCopy(path: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(`${path}${suffix}`, { force: true });
}
