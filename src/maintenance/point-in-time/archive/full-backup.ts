import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, type FileHandle, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { createZstdCompress, createZstdDecompress } from 'node:zlib';
import { growFile, writeDurably, temporaryPath, type Clock } from '../../../platform/runtime/index.ts';
import { FILE_MODE, removeFiles, markVerified } from './archive.ts';
import { encodeFullBackup, type FullBackupDescription } from './format.ts';
import { fullBackupFile } from './names.ts';
import { artifactFault, bad, ZSTD_LEVEL, type Head } from './records.ts';
import type { Report } from '../../../domain/events.ts';
import { faultCode, messageOf, WavspoolError } from '../../../domain/faults.ts';
import { finishCopy, type PinnedPages } from '../../../platform/sqlite/index.ts';

const STAGED_BYTES = 1024 * 1024;

/** The image of a full backup in the making. */
export interface FullBackupWriter {
  /** Takes the next pages in order; they may be overwritten once this resolves. */
  readonly write: (contents: readonly Buffer[]) => Promise<void>;
  /** Ends the image; {@link publishFullBackup} gives it its name. */
  readonly finish: () => Promise<FullBackupImage>;
  readonly discard: () => Promise<void>;
}

export interface FullBackupImage {
  readonly path: string;
  readonly sha256: string;
  readonly storedBytes: number;
  readonly storedSha256: string;
  readonly publish: (path: string) => Promise<boolean>;
  /** Removes it; harmless after it was published. */
  readonly discard: () => Promise<void>;
}

/** Begins a full backup: the database file as it is, in one zstd frame. */
export async function writeFullBackup(directory: string): Promise<FullBackupWriter> {
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
 * As {@link writeFullBackup}, but gathers the plain pages first and compresses them at the end: for where a program waits until all
 * pages are taken.
 */
export async function stageFullBackup(directory: string): Promise<FullBackupWriter> {
  const staged = await growFile(directory, FILE_MODE);
  return {
    write: (contents) => staged.write(Buffer.concat(contents)),
    finish: async () => {
      const fullBackup = await writeFullBackup(directory);
      try {
        for await (const chunk of createReadStream(staged.temporary, { highWaterMark: STAGED_BYTES })) {
          await fullBackup.write([chunk as Buffer]);
        }
        return await fullBackup.finish();
      } catch (error) {
        await fullBackup.discard();
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

/** Gives a full backup its name: first the image, then the description that makes it count. */
export async function publishFullBackup(
  directory: string,
  image: FullBackupImage,
  fullBackup: FullBackupDescription,
): Promise<void> {
  const path = join(directory, fullBackupFile(fullBackup, 'db.zst'));
  await removeFiles(directory, [fullBackupFile(fullBackup, 'db.zst')]); // left by a crash before its description was written
  if (!(await image.publish(path)))
    throw bad(path, 'is there already: something else writes into this archive');
  await writeDurably(
    join(directory, fullBackupFile(fullBackup, 'json')),
    encodeFullBackup(fullBackup),
    FILE_MODE,
  );
}

/**
 * Unpacks the image at `path` into a new file `target`, checking both its sums. Throws SNAPSHOT_BAD when they differ, or the
 * abort's reason.
 */
export async function unpackFullBackup(
  path: string,
  fullBackup: Pick<FullBackupDescription, 'sha256' | 'storedSha256' | 'pageCount' | 'pageSize'>,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const file = await open(target, 'wx', FILE_MODE);
  try {
    const sums = await unpack(path, file, signal);
    if (sums.stored !== fullBackup.storedSha256 || sums.plain !== fullBackup.sha256) {
      throw bad(path, 'does not fit its SHA-256');
    }
    if (sums.bytes !== fullBackup.pageCount * fullBackup.pageSize)
      throw bad(path, 'is not as long as it should be');
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

/** What a full backup holds, but for what its image adds. */
type FullBackupFacts = Omit<
  FullBackupDescription,
  'format' | 'link' | 'sha256' | 'storedBytes' | 'storedSha256'
> & {
  /** The link of the record whose state it is; none when no record leads to it. */
  readonly link: string | undefined;
};

/**
 * What a full backup of a pinned state holds. It continues the timeline whose end is `head`; without one it begins a new timeline
 * behind `last`, where the archive ended.
 */
export function factsOf(
  { pageSize, pageCount, journalMode }: PinnedPages,
  said: Pick<FullBackupFacts, 'database' | 'at' | 'reason' | 'digest' | 'wal'>,
  head: Head | undefined,
  last: Pick<Head, 'position'> | undefined,
): FullBackupFacts {
  return {
    ...said,
    pageSize,
    pageCount,
    journalMode,
    link: head?.link,
    continues: head !== undefined,
    // one position later, so that nothing can seem to lead there
    position: head?.position ?? (last?.position ?? 0) + 1,
  };
}

/**
 * Proves an image by unpacking it, opening it and checking it whole, and only then gives it its name. Throws
 * DATABASE_DAMAGED, and leaves nothing, when the check finds faults: the live database has them then.
 */
async function completeFullBackup(
  directory: string,
  image: FullBackupImage,
  facts: FullBackupFacts,
  clock: Clock,
  signal: AbortSignal,
): Promise<FullBackupDescription> {
  const { sha256, storedBytes, storedSha256 } = image;
  const fullBackup: FullBackupDescription = {
    ...facts,
    format: 1,
    link: facts.link ?? sha256,
    sha256,
    storedBytes,
    storedSha256,
  };
  const copy = temporaryPath(directory);
  try {
    await unpackFullBackup(image.path, fullBackup, copy, signal);
    const faults = finishCopy(copy);
    if (faults.length > 0) {
      const message = `${facts.database}: integrity_check finds in its copy: ${faults.join('; ')}`;
      throw new WavspoolError('DATABASE_DAMAGED', message);
    }
    await publishFullBackup(directory, image, fullBackup);
  } finally {
    await removeCopy(copy);
    await image.discard();
  }
  const { position, at } = fullBackup;
  await markVerified(directory, fullBackup, { position, through: { position, at }, at: clock.now() });
  return fullBackup;
}

/**
 * As completeBase, and says so. A copy that is not sound ends the run, unless the records go on without a new full backup: then it
 * is refused, with an alarm, and undefined comes back.
 */
export async function offerFullBackup(
  deps: { readonly clock: Clock; readonly report: Report },
  directory: string,
  image: FullBackupImage,
  facts: FullBackupFacts,
  signal: AbortSignal,
): Promise<FullBackupDescription | undefined> {
  const { database, reason, position, pageCount } = facts;
  try {
    const fullBackup = await completeFullBackup(directory, image, facts, deps.clock, signal);
    const bytes = fullBackup.storedBytes;
    deps.report('full backup written', { database, reason, position, pageCount, bytes });
    return fullBackup;
  } catch (error) {
    if (faultCode(error) !== 'DATABASE_DAMAGED' || !facts.continues) throw error;
    deps.report('full backup refused', { database, reason: messageOf(error) });
    return undefined;
  }
}

/** Removes a temporary database with whatever SQLite put beside it. */
export async function removeCopy(path: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(`${path}${suffix}`, { force: true });
}
