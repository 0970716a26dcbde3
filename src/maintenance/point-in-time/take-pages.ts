import type { PinnedPages } from '../../platform/sqlite/index.ts';
import { stageBase, writeBase, type BaseImage, type BaseWriter } from './bases.ts';
import type { RecordHeader } from './format.ts';
import { digestOf, endCommit, hashPage, noPages, setPage } from './page-hashes.ts';
import type { LastState } from './state.ts';
import { writeRecords, type RecordWriter } from './write-records.ts';

/** What one pass over pinned pages came to. */
export interface Taken {
  readonly hashes: LastState['hashes'];
  /** How many are not what they were; all of them where no state came before. */
  readonly pages: number;
  readonly record: Awaited<ReturnType<RecordWriter['finish']>> | undefined;
  readonly image: BaseImage | undefined;
}

export interface Wanted {
  /** The state before, of the same page size: what differs from it becomes a record; its hashes become those of the new one. */
  readonly last: Pick<LastState, 'position' | 'link' | 'hashes'> | undefined;
  /** When the pages were pinned, ms since 1970. */
  readonly at: number;
  /** Whether the image of a base is wanted. */
  readonly base: boolean;
  /** Where that state ends in the write-ahead log. */
  readonly wal?: RecordHeader['wal'];
}

/** Reads the pinned pages, lets the database go, and writes what is wanted of them. */
export async function takePages(
  pinned: PinnedPages,
  directory: string,
  { last, at, base: wantsBase, wal }: Wanted,
  signal: AbortSignal,
): Promise<Taken> {
  let records: RecordWriter | undefined;
  let writer: BaseWriter | undefined;
  try {
    let read: Pick<Taken, 'hashes' | 'pages'>;
    try {
      if (last !== undefined) records = await writeRecords(directory, last, at, pinned.pageSize);
      // outside WAL mode commits wait until the pages are read: compressing them must not be part of that
      if (wantsBase) writer = await (pinned.journalMode === 'wal' ? writeBase : stageBase)(directory);
      read = await readAll(pinned, last, records, writer, signal);
    } finally {
      pinned.release();
    }
    const image = await writer?.finish();
    if (read.pages === 0 || records === undefined) return { ...read, record: undefined, image };
    records.commit(pinned.pageCount, digestOf(read.hashes));
    return { ...read, record: await records.finish(wal), image };
  } catch (error) {
    await writer?.discard();
    throw error;
  } finally {
    await records?.discard();
  }
}

async function readAll(
  pinned: PinnedPages,
  last: Wanted['last'],
  records: RecordWriter | undefined,
  image: BaseWriter | undefined,
  signal: AbortSignal,
): Promise<{ hashes: LastState['hashes']; pages: number }> {
  const hashes = last?.hashes ?? noPages();
  const before = hashes.pageCount;
  let changed = 0;
  let page = 0;
  for await (const lot of pinned.pages(signal)) {
    for (const numbered of lot) {
      page += 1;
      if (!setPage(hashes, page, hashPage(numbered))) continue;
      changed += 1;
      records?.add(page, numbered.subarray(4));
    }
    await records?.drain();
    await image?.write(lot.map((numbered) => numbered.subarray(4)));
  }
  if (pinned.pageCount < before && changed === 0) changed = 1; // cut off at its end: page 1 says so, but be sure
  endCommit(hashes, Math.max(before, pinned.pageCount), pinned.pageCount, pinned.pageSize);
  return { hashes, pages: changed };
}
