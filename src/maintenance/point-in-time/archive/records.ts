import { Buffer } from 'node:buffer';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { WavspoolError, errnoOf, messageOf } from '../../../domain/faults.ts';
import { growFile, readExactly } from '../../../platform/runtime/index.ts';
import { FILE_MODE } from './archive.ts';
import {
  encodeRecord,
  type RecordHeader,
  decodeHeader,
  headerLength,
  RECORD_PREFIX_BYTES,
  SHA256_BYTES,
} from './format.ts';
import { segmentFile, type SegmentName } from './names.ts';
import { hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';

const compress = promisify(zstdCompress);
/** A record holds about so much; a larger commit goes on in the next record. */
const RECORD_BYTES = 8 * 1024 * 1024;
export const ZSTD_LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

/** Where in an archive the next record goes. */
export interface Head {
  readonly position: number;
  readonly link: string;
}

/** A file of records in the making. */
export interface RecordWriter {
  /** Takes a page; returns its number and content in one, as they are hashed, valid until the next call. */
  readonly add: (page: number, content: Buffer) => Buffer;
  /** Ends a commit: what was added since the last one. */
  readonly commit: (pageCount: number, digest: string) => void;
  /** To be called now and then between calls of `add`: writes what has gathered. */
  readonly drain: () => Promise<void>;
  /** Writes the rest, gives the file its name, and says where the next record goes. */
  readonly finish: (wal?: RecordHeader['wal']) => Promise<Head & { segment: SegmentName; bytes: number }>;
  readonly discard: () => Promise<void>;
}

/** Begins a file of records behind `head`, all of them captured at `at`. */
export async function writeRecords(
  directory: string,
  head: Head,
  at: number,
  pageSize: number,
): Promise<RecordWriter> {
  const file = await growFile(directory, FILE_MODE);
  const first = head.position + 1;
  const gathered = gatherPages(pageSize);
  let { position, link } = head;
  let points = 0;
  let commits: [number, number, string][] = [];

  const flush = async (wal?: RecordHeader['wal']): Promise<void> => {
    const { pages, bytes } = gathered.take();
    const content = await compress(bytes, ZSTD_LEVEL);
    position += 1;
    const record = encodeRecord(
      {
        position,
        at,
        previous: link,
        pageSize,
        pages,
        commits,
        contentBytes: content.length,
        ...(wal === undefined ? {} : { wal }),
      },
      content,
    );
    await file.write(record.bytes);
    link = record.link;
    commits = [];
  };

  return {
    add: gathered.add,
    commit: (pageCount, digest) => {
      commits.push([gathered.pages(), pageCount, digest]);
      points += 1;
    },
    drain: async () => {
      if (gathered.bytes() >= RECORD_BYTES) await flush();
    },
    finish: async (wal) => {
      await flush(wal); // even when nothing has gathered: the last record carries the log's position
      const segment = { first, last: position, from: at, to: at, points };
      const name = segmentFile(segment);
      const bytes = file.bytes();
      if (!(await file.publish(join(directory, name)))) {
        throw new WavspoolError(
          'SNAPSHOT_BAD',
          `${join(directory, name)} is there already: something else writes into this archive`,
        );
      }
      return { position, link, segment, bytes };
    },
    discard: file.discard,
  };
}

/** The pages of the record in the making, each behind its number, in one buffer that grows. */
interface GatheredPages {
  readonly add: RecordWriter['add'];
  readonly pages: () => number;
  readonly bytes: () => number;
  /** All that has gathered, valid until the next `add`; none is left. */
  readonly take: () => { readonly pages: number; readonly bytes: Buffer };
}

function gatherPages(pageSize: number): GatheredPages {
  const size = 4 + pageSize;
  let buffer = Buffer.alloc(64 * size);
  let pages = 0;
  return {
    add: (page, content) => {
      if ((pages + 1) * size > buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(buffer.length)]);
      const numbered = buffer.subarray(pages * size, (pages + 1) * size);
      numbered.writeUInt32BE(page, 0);
      content.copy(numbered, 4);
      pages += 1;
      return numbered;
    },
    pages: () => pages,
    bytes: () => pages * size,
    take: () => {
      const taken = { pages, bytes: buffer.subarray(0, pages * size) };
      pages = 0;
      return taken;
    },
  };
}

const decompress = promisify(zstdDecompress);

export interface StoredRecord {
  readonly header: RecordHeader;
  /** What the next record's `previous` says. */
  readonly link: string;
  /** Per page its number (4 bytes, big-endian) and its content. */
  readonly content: () => Promise<Buffer>;
}

/** The records of one file, each checked by its SHA-256. Throws SNAPSHOT_BAD, naming the file and what is wrong with it. */
export async function* readRecords(directory: string, segment: SegmentName): AsyncGenerator<StoredRecord> {
  const path = join(directory, segmentFile(segment));
  const file = await openArtifact(path);
  try {
    let offset = 0;
    for (let position = segment.first; position <= segment.last; position += 1) {
      const { record, end } = await readRecord(file, path, offset);
      if (record.header.position !== position)
        throw bad(path, `holds ${record.header.position} as ${position}`);
      yield record;
      offset = end;
    }
    if ((await file.stat()).size !== offset) throw bad(path, 'goes on behind its last record');
  } finally {
    await file.close();
  }
}

async function readRecord(
  file: FileHandle,
  path: string,
  offset: number,
): Promise<{ record: StoredRecord; end: number }> {
  const prefix = await readWhole(file, path, offset, RECORD_PREFIX_BYTES);
  const length = headerLength(prefix);
  if (length === undefined) throw bad(path, `has no record at byte ${offset}`);
  const json = await readWhole(file, path, offset + RECORD_PREFIX_BYTES, length);
  const header = decodeHeader(json);
  if (header === undefined) throw bad(path, `has a damaged header at byte ${offset}`);
  const behind = offset + RECORD_PREFIX_BYTES + length;
  const rest = await readWhole(file, path, behind, header.contentBytes + SHA256_BYTES);
  const content = rest.subarray(0, header.contentBytes);
  const sum = hash('sha256', Buffer.concat([prefix, json, content]), 'buffer');
  if (!sum.equals(rest.subarray(header.contentBytes))) {
    throw bad(path, `has a record at byte ${offset} that does not fit its SHA-256`);
  }
  const record = {
    header,
    link: sum.toString('hex'),
    content: async () => {
      const pages = await decompress(content);
      if (pages.length !== header.pages * (4 + header.pageSize)) {
        throw bad(path, `has a record at byte ${offset} of the wrong length`);
      }
      return pages;
    },
  };
  return { record, end: behind + header.contentBytes + SHA256_BYTES };
}

/** Throws SNAPSHOT_BAD where the file ends before; a length that is damaged takes no memory. */
async function readWhole(file: FileHandle, path: string, offset: number, length: number): Promise<Buffer> {
  const size = (await file.stat()).size;
  if (offset + length > size) throw bad(path, `ends at byte ${size}, inside a record`);
  const bytes = await readExactly(file.fd, offset, length, Buffer.alloc(length));
  if (bytes.length < length) throw bad(path, `ends at byte ${offset + bytes.length}, inside a record`);
  return bytes;
}

/** Opens one of an archive's files. Throws SNAPSHOT_BAD when it is gone. */
async function openArtifact(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    throw artifactFault(path, error);
  }
}

/** A system error about one of an archive's files as a fault that names it. */
export function artifactFault(path: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (error instanceof WavspoolError || errno === undefined || errno === 'ABORT_ERR') return error;
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return error; // not the artifact's fault
  if (errno === 'ENOENT') return new WavspoolError('SNAPSHOT_BAD', `${path} is missing`, { cause: error });
  if (errno.startsWith('ZSTD_') || errno.startsWith('ERR_'))
    return bad(path, `is damaged: ${messageOf(error)}`);
  return new WavspoolError('FILE_UNREADABLE', `${path}: ${messageOf(error)}`, { cause: error });
}

/** The fault of an archive's file that is not what it should be. */
export function bad(path: string, what: string): WavspoolError {
  return new WavspoolError('SNAPSHOT_BAD', `${path} ${what}`);
}
