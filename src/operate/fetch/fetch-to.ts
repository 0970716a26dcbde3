import { createWriteStream } from 'node:fs';
import { lstat, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { WavspoolError, unlessGone } from '../../domain/faults.ts';
import type { Ledger } from '../../domain/ledger.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import type { Settings } from '../../platform/config/index.ts';
import {
  publishUnlessTaken,
  syncDirectory,
  syncFile,
  temporaryPath,
  writeFault,
} from '../../platform/runtime/index.ts';
import { openStore, type StoreUser } from '../../platform/s3/index.ts';
import { chosen, type Wanted } from './choose.ts';
import { asTar, intoDirectory, type Fetched, type FetchDeps } from './fetch-recordings.ts';

export interface FetchToDeps extends StoreUser {
  readonly settings: Settings;
  readonly ledger: Pick<Ledger, 'catalogue' | 'recordings'>;
}

/** Where recordings go: into a directory, or a tar. Both absolute. */
export type FetchPlace =
  | { readonly directory: string; readonly onFile: () => void }
  | { readonly tar: string };

/**
 * Recordings from the bucket to a place on this host, each proven. Throws USAGE as {@link chosen} does, and where the tar is there
 * already: nothing is replaced. Throws store faults, and DISK_FULL or FILE_UNREADABLE where the tar cannot be written.
 */
export async function fetchTo(
  app: FetchToDeps,
  wanted: Wanted,
  to: FetchPlace,
  signal: AbortSignal,
): Promise<Fetched> {
  const { extracted, data } = app.settings.paths;
  const store = await openStore(app);
  const deps = { store, extracted, scratch: join(data, 'scratch') };
  const rows = chosen(app.ledger, wanted);
  try {
    return 'tar' in to
      ? await intoTar(deps, rows, to.tar, signal)
      : await intoDirectory(deps, rows, to.directory, signal, to.onFile);
  } finally {
    store.close();
  }
}

/** The file appears under its name when it is whole and on disk. */
async function intoTar(
  deps: FetchDeps,
  rows: AsyncIterable<RecordingRow>,
  file: string,
  signal: AbortSignal,
): Promise<Fetched> {
  let outcome: Fetched = { recordings: 0, bytes: 0, unverified: [] };
  const isThere = new WavspoolError('USAGE', `${file} is there already: name another file, or move it away`);
  if ((await lstat(file).catch(unlessGone)) !== undefined) throw isThere;
  const temporary = temporaryPath(dirname(file));
  try {
    const chunks = asTar(deps, rows, signal, (fetched) => {
      outcome = fetched;
    });
    await pipeline(Readable.from(chunks), createWriteStream(temporary, { mode: 0o640, flags: 'wx' }));
    await syncFile(temporary);
    if (!publishUnlessTaken(temporary, file)) throw isThere; // it has come meanwhile
    await syncDirectory(dirname(file));
    return outcome;
  } catch (error) {
    throw writeFault(`${file} cannot be written`, error);
  } finally {
    await rm(temporary, { force: true });
  }
}
