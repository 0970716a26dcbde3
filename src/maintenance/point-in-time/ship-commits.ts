import type { WalEnd } from '../../platform/sqlite/index.ts';
import type { Base } from './chain.ts';
import type { LogHold } from './log-hold.ts';
import type { SegmentName } from './names.ts';
import { digestOf, endCommit, hashPage, setPage, type PageHashes } from './page-hashes.ts';
import type { LogChunk, LogRead } from './read-log.ts';
import { writeRecords, type Head } from './write-records.ts';

/** The line of records that a shipper writes, and how far it has read the log. */
export interface Line extends Head {
  /** Where the last shipped commit ends in the log. */
  readonly left: WalEnd;
  readonly hashes: PageHashes;
  readonly base: Pick<Base, 'position' | 'at' | 'storedBytes' | 'pageSize'>;
  /** Bytes of records behind the base. */
  readonly recordBytes: number;
}

export interface Written {
  readonly line: Line;
  readonly segment: SegmentName;
  readonly bytes: number;
}

/** Writes commits of the log, all of them captured at `at`, as the next file of records; a text says why it cannot go on. */
export async function writeCommits(
  directory: string,
  line: Line,
  read: Extract<LogRead, { kind: 'commits' }>,
  hold: Pick<LogHold, 'mustBeSame'>,
  at: number,
): Promise<Written | string> {
  const { hashes } = line;
  const records = await writeRecords(directory, line, at, read.pageSize);
  try {
    let { pageCount } = hashes;
    const chunks = read.chunks();
    let next = chunks.next();
    for (; next.done !== true; next = chunks.next()) {
      const { frames, bytes } = next.value;
      for (const frame of frames) {
        const numbered = records.add(frame.page, bytes.subarray(frame.at, frame.at + read.pageSize));
        setPage(hashes, frame.page, hashPage(numbered));
        if (frame.pageCount === 0) continue;
        endCommit(hashes, pageCount, frame.pageCount, read.pageSize);
        pageCount = frame.pageCount;
        records.commit(pageCount, digestOf(hashes));
      }
      await records.drain();
    }
    const left = next.value;
    hold.mustBeSame();
    if (typeof left === 'string') return left;
    const { position, link, segment, bytes } = await records.finish(left.position);
    const { base, recordBytes } = line;
    return {
      line: { position, link, left, hashes, base, recordBytes: recordBytes + bytes },
      segment,
      bytes,
    };
  } finally {
    await records.discard();
  }
}

/** The same commits, read into memory. */
export function readAhead(read: LogRead): LogRead {
  if (read.kind !== 'commits') return read;
  const kept: LogChunk[] = [];
  const chunks = read.chunks();
  let next = chunks.next();
  for (; next.done !== true; next = chunks.next()) kept.push(next.value);
  const end = next.value;
  return {
    ...read,
    chunks: function* () {
      yield* kept;
      return end;
    },
  };
}
