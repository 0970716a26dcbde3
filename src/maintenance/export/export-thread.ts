import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import {
  isUnpackFault,
  packers,
  serveOffLoop,
  sha256OfFile,
  syncFile,
  unpackers,
  type Compression,
} from '../../platform/runtime/index.ts';
import {
  asDatabaseFault,
  databaseFault,
  openForeign,
  openScratch,
  pin,
  type Sqlite,
} from '../../platform/sqlite/index.ts';
import { dump } from './dump.ts';
import { compareLoaded, expectedOf, runSql, type Expected, type ExpectedTable } from './load-back.ts';
import { encodingOf, findTables } from './read-tables.ts';

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
  /** Of what is stored, lower-case hex. */
  readonly sha256: string;
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
}

serveOffLoop(exportOffLoop);

/** Writes the tables from one pinned read, syncs the file, and loads it back before it says that it is good. */
async function exportOffLoop(job: ExportJob, signal: AbortSignal): Promise<Exported> {
  const { stored } = job;
  try {
    const expected = await write(job, signal);
    await syncFile(stored);
    await loadBack(job, expected, signal);
    const { size: bytes } = await stat(stored);
    return {
      bytes,
      sha256: await sha256OfFile(stored, signal),
      tables: expected.tables.map(({ name, rows }) => ({ name, rows })),
    };
  } catch (error) {
    throw exportFault(job, error);
  }
}

/** What the system or SQLite says as a fault of ours; one that is ours already stays as it is. */
function exportFault({ source, stored, scratch }: ExportJob, error: unknown): unknown {
  const code = error instanceof WavspoolError ? undefined : errnoOf(error);
  if (code === undefined || code === 'ABORT_ERR') return error;
  if (code.startsWith('SQLITE_')) return databaseFault(scratch, error);
  const options = { cause: error };
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const problem = `no room in ${dirname(stored)} for an export of ${source} and the database that proves it`;
    return new WavspoolError('DISK_FULL', problem, options);
  }
  return new WavspoolError(
    'FILE_UNREADABLE',
    `the export of ${source} to ${stored}: ${messageOf(error)}`,
    options,
  );
}

async function write(
  { source, tables, compress, stored }: ExportJob,
  signal: AbortSignal,
): Promise<Expected> {
  const db = openForeign(source);
  let sql: Generator<Buffer> | undefined;
  try {
    pin(db);
    const found = asDatabaseFault(source, () => findTables(db, tables, source));
    const read: ExpectedTable[] = [];
    sql = dump(db, found, (table, sum) => read.push(expectedOf(db, table, sum)));
    const file = createWriteStream(stored, { flags: 'wx', mode: 0o600 });
    await pipeline([Readable.from(withDatabaseFaults(source, sql)), ...packers(compress), file], {
      signal,
    });
    return { encoding: encodingOf(db), tables: read };
  } finally {
    sql?.return(undefined); // a full disk or an abort leaves it in the middle of a table, and the database open
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
      [file, ...unpackers(compress), (bytes: AsyncIterable<Buffer>) => runSql(db, decoded(bytes))],
      {
        signal,
      },
    );
    signal.throwIfAborted();
    await compareLoaded(db, expected, signal);
  } catch (error) {
    if (isUnpackFault(error) || errnoOf(error)?.startsWith('ERR_ENCODING') === true) {
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
