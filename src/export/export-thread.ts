import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, createGzip, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { WavspoolError, errnoOf, messageOf } from '../faults.ts';
import { serveOffLoop, syncFile } from '../runtime/index.ts';
import { asDatabaseFault, openForeign, openScratch, pin, type Sqlite } from '../sqlite/index.ts';
import { dump } from './dump.ts';
import { compareLoaded, expectedOf, runSql, type Expected, type ExpectedTable } from './load-back.ts';
import { encodingOf, findTables } from './read-tables.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

export interface ExportJob {
  readonly source: string;
  readonly tables: readonly string[];
  readonly compress: Compression;
  /** New files in the directory that the export is for. */
  readonly stored: string;
  readonly scratch: string;
}

export interface Exported {
  readonly bytes: number;
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
}

const PACKERS: Readonly<Record<Compression, () => readonly Duplex[]>> = {
  none: () => [],
  gzip: () => [createGzip()],
  zstd: () => [createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } })],
};

const UNPACKERS: Readonly<Record<Compression, () => readonly Duplex[]>> = {
  none: () => [],
  gzip: () => [createGunzip()],
  zstd: () => [createZstdDecompress()],
};

serveOffLoop(exportOffLoop);

/** Writes the tables from one pinned read, syncs the file, and loads it back before it says that it is good. */
async function exportOffLoop(job: ExportJob, signal: AbortSignal): Promise<Exported> {
  const { stored, scratch, source } = job;
  try {
    const expected = await write(job, signal);
    await syncFile(stored);
    await loadBack(job, expected, signal);
    const { size: bytes } = await stat(stored);
    return { bytes, tables: expected.tables.map(({ name, rows }) => ({ name, rows })) };
  } catch (error) {
    if (error instanceof WavspoolError) throw error;
    const code = errnoOf(error);
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    throw new WavspoolError('DISK_FULL', `no room for ${stored} and ${scratch}, the export of ${source}`, {
      cause: error,
    });
  }
}

async function write(
  { source, tables, compress, stored }: ExportJob,
  signal: AbortSignal,
): Promise<Expected> {
  const db = openForeign(source);
  try {
    pin(db);
    const found = asDatabaseFault(source, () => findTables(db, tables, source));
    const read: ExpectedTable[] = [];
    const sql = dump(db, found, (table, sum) => read.push(expectedOf(db, table, sum)));
    const file = createWriteStream(stored, { flags: 'wx', mode: 0o600 });
    await pipeline([Readable.from(withDatabaseFaults(source, sql)), ...PACKERS[compress](), file], {
      signal,
    });
    return { encoding: encodingOf(db), tables: read };
  } finally {
    db.close();
  }
}

function* withDatabaseFaults(source: string, sql: Iterator<Buffer>): Generator<Buffer> {
  for (;;) {
    const next = asDatabaseFault(source, () => sql.next());
    if (next.done === true) return;
    yield next.value;
  }
}

/** Loads the stored form into a database of its own and compares that with what was read. Throws EXPORT_BAD. */
async function loadBack(
  { compress, stored, scratch }: ExportJob,
  expected: Expected,
  signal: AbortSignal,
): Promise<void> {
  const db: Sqlite = openScratch(scratch);
  try {
    const file = createReadStream(stored, { highWaterMark: 256 * 1024 });
    await pipeline(
      [file, ...UNPACKERS[compress](), (bytes: AsyncIterable<Buffer>) => runSql(db, decoded(bytes))],
      {
        signal,
      },
    );
    signal.throwIfAborted();
    compareLoaded(db, expected);
  } catch (error) {
    if (/^(?:Z_|ZSTD_|ERR_ENCODING)/.test(errnoOf(error) ?? '')) {
      throw new WavspoolError('EXPORT_BAD', `${stored} cannot be read back: ${messageOf(error)}`, {
        cause: error,
      });
    }
    throw error;
  } finally {
    db.close();
  }
}

async function* decoded(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}
