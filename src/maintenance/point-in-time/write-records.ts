import { Buffer } from 'node:buffer';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { WavspoolError } from '../../domain/faults.ts';
import { growFile } from '../../platform/runtime/index.ts';
import { FILE_MODE } from './archive.ts';
import { encodeRecord, type RecordHeader } from './format.ts';
import { segmentFile, type SegmentName } from './names.ts';

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
  const size = 4 + pageSize;
  const first = head.position + 1;
  let { position, link } = head;
  let gathered = Buffer.alloc(64 * size);
  let pages = 0;
  let points = 0;
  let commits: [number, number, string][] = [];

  const flush = async (wal?: RecordHeader['wal']): Promise<void> => {
    const content = await compress(gathered.subarray(0, pages * size), ZSTD_LEVEL);
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
    pages = 0;
    commits = [];
  };

  return {
    add: (page, content) => {
      if ((pages + 1) * size > gathered.length) {
        gathered = Buffer.concat([gathered, Buffer.alloc(gathered.length)]);
      }
      const numbered = gathered.subarray(pages * size, (pages + 1) * size);
      numbered.writeUInt32BE(page, 0);
      content.copy(numbered, 4);
      pages += 1;
      return numbered;
    },
    commit: (pageCount, digest) => {
      commits.push([pages, pageCount, digest]);
      points += 1;
    },
    drain: async () => {
      if (pages * size >= RECORD_BYTES) await flush();
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
