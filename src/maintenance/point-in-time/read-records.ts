import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import {
  decodeHeader,
  headerLength,
  RECORD_PREFIX_BYTES,
  SHA256_BYTES,
  type RecordHeader,
} from './format.ts';
import { segmentFile, type SegmentName } from './names.ts';

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
  const prefix = await readExactly(file, path, offset, RECORD_PREFIX_BYTES);
  const length = headerLength(prefix);
  if (length === undefined) throw bad(path, `has no record at byte ${offset}`);
  const json = await readExactly(file, path, offset + RECORD_PREFIX_BYTES, length);
  const header = decodeHeader(json);
  if (header === undefined) throw bad(path, `has a damaged header at byte ${offset}`);
  const behind = offset + RECORD_PREFIX_BYTES + length;
  const rest = await readExactly(file, path, behind, header.contentBytes + SHA256_BYTES);
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

async function readExactly(file: FileHandle, path: string, offset: number, length: number): Promise<Buffer> {
  const size = (await file.stat()).size;
  if (offset + length > size) throw bad(path, `ends at byte ${size}, inside a record`);
  const bytes = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.read(bytes, read, length - read, offset + read);
    if (bytesRead === 0) throw bad(path, `ends at byte ${offset + read}, inside a record`);
    read += bytesRead;
  }
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
