import { afterEach, beforeEach } from 'vitest';
import type { Ledger } from '../../src/domain/ledger.ts';
import type { RecordingRow, StoredObject } from '../../src/domain/recording.ts';
import type { TarVersion } from '../../src/domain/tar.ts';
import { everyPage } from '../../src/platform/paging/index.ts';

/** An empty store that ledgers are opened on, as many at once as a test likes; `maxRetries` is 5. */
export interface EmptyStore extends AsyncDisposable {
  open(): Promise<Ledger>;
}

/** The ledger of the test that runs, and what nearly all of them do with it. */
export interface Subject {
  readonly ledger: Ledger;
  /** Another one on the same store; the test closes it. */
  open(): Promise<Ledger>;
  row(path: string): Promise<RecordingRow>;
  stored(path: string, sha256?: string): Promise<void>;
  storedAll(paths: readonly string[]): Promise<unknown>;
  fail(path: string, retryCount?: number, cause?: 'network' | 'rejected'): Promise<void>;
  /** The paths of each open unit, read in pages of about `limit` recordings. */
  units(limit?: number): Promise<readonly (readonly string[])[]>;
}

export const TAR: TarVersion = { path: '/in/a.tar', size: 10, mtimeMs: 1000 };

export function paths(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `/x/${i + 1}.wav`);
}

/** Recordings of which no two are equal: the hash of each is its path. */
export function withOwnBytes(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((path) => [path, path]));
}

/** What a store answers to the PUT of that recording. */
export function answer(path: string, sha256 = path): StoredObject {
  return { key: path.slice(1), size: 5, sha256, etag: 'e', versionId: undefined };
}

/** Gives each test of the suite around it an empty store with one ledger open. */
export function ledgerSubject(emptyStore: () => Promise<EmptyStore>): Subject {
  let store: EmptyStore;
  let ledger: Ledger;
  beforeEach(async () => {
    store = await emptyStore();
    ledger = await store.open();
  });
  afterEach(async () => {
    await ledger.close();
    await store[Symbol.asyncDispose]();
  });
  const stored = (path: string, sha256?: string): Promise<void> =>
    ledger.recordings.stored(path, answer(path, sha256));
  return {
    get ledger() {
      return ledger;
    },
    open: () => store.open(),
    row: async (path) => {
      const found = await ledger.recordings.get(path);
      if (found === undefined) throw new Error(`no row for ${path}`);
      return found;
    },
    stored,
    storedAll: (all) => Promise.all(all.map((path) => stored(path))),
    fail: (path, retryCount = 0, cause = 'network') =>
      ledger.recordings.failed(path, { cause, message: `${cause} of ${path}`, retryCount }),
    units: async (limit = 100) => {
      const pages = everyPage((after) => ledger.recordings.openUnits({ after, limit }));
      return (await Array.fromAsync(pages)).flat().map((unit) => unit.paths);
    },
  };
}
