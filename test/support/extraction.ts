import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { extractTar, type ExtractDeps } from '../../src/ingest/extract/index.ts';
import { faultCode, messageOf, type FaultCode } from '../../src/domain/faults.ts';
import { systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import { openSqliteLedger } from '../../src/platform/state/index.ts';
import type { RecordingRow } from '../../src/domain/recording.ts';
import type { Ledger } from '../../src/domain/ledger.ts';

/** What became of one tar. */
export interface Extracted {
  /** Undefined when it was extracted. */
  readonly fault: FaultCode | undefined;
  readonly message: string;
  /** Its rows: PENDING for recordings, FAILED for members that were refused. */
  readonly rows: readonly RecordingRow[];
}

/** Extraction on a disk and a state.db of its own, without queues and without a store. */
export interface ExtractionBench extends AsyncDisposable {
  readonly root: string;
  readonly incoming: string;
  readonly extracted: string;
  readonly ledger: Ledger;
  readonly limits: { -readonly [K in keyof ExtractDeps['limits']]: ExtractDeps['limits'][K] };
  /** Events that were reported. */
  readonly reported: { readonly event: string; readonly fields: object }[];
  /** Writes the tar below the landing directory. */
  land(name: string, tar: Buffer): Promise<string>;
  extract(path: string): Promise<Extracted>;
  /** SHA-256 of every file below the extracted directory, by its path there. */
  files(): Promise<Readonly<Record<string, string>>>;
  /** Everything below the root that is neither extracted nor state.db, with its content's hash: it must never change. */
  surroundings(): Promise<Readonly<Record<string, string>>>;
}

/** Opens a bench in a temporary directory. */
export async function openBench(): Promise<ExtractionBench> {
  const root = await mkdtemp(join(tmpdir(), 'wavspool-extract-'));
  const incoming = join(root, 'incoming');
  const extracted = join(root, 'data', 'extracted');
  await mkdir(incoming);
  await mkdir(extracted, { recursive: true });
  await writeFile(join(root, 'canary.wav'), 'nobody may touch this');
  await writeFile(join(root, 'data', 'canary.wav'), 'nor this');
  const reported: { event: string; fields: object }[] = [];
  const report = (event: string, fields: object): void => void reported.push({ event, fields });
  const ledger = await openSqliteLedger({
    file: join(root, 'state', 'state.db'),
    maxRetries: 5,
    clock: systemClock,
    random: systemRandom,
    report,
  });
  const limits = {
    concurrency: 1,
    copy: true,
    maxEntries: 10_000,
    maxEntryBytes: 1e9,
    maxTotalBytes: 1e9,
    minFreeBytes: 1,
    maxBacklog: { recordings: 10_000, bytes: 1e9 },
  };
  const deps = {
    tars: ledger.tars,
    limits,
    unterminated: 'incomplete' as const,
    incoming,
    extracted,
    clock: systemClock,
    report,
  };
  const rowsOf = async (path: string): Promise<readonly RecordingRow[]> =>
    (await ledger.catalogue.list({ limit: 100_000 })).rows.filter(({ tar }) => tar === path).toReversed();

  return {
    root,
    incoming,
    extracted,
    ledger,
    limits,
    reported,
    land: async (name, tar) => {
      const path = join(incoming, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, tar);
      return path;
    },
    extract: async (path) => {
      const { size, mtimeMs } = await stat(path);
      try {
        await extractTar(deps, { path, size, mtimeMs: Math.floor(mtimeMs) }, new AbortController().signal);
        return { fault: undefined, message: '', rows: await rowsOf(path) };
      } catch (error) {
        return { fault: faultCode(error), message: messageOf(error), rows: await rowsOf(path) };
      }
    },
    files: () => hashes(extracted, () => true),
    surroundings: () =>
      hashes(root, (path) => !path.startsWith('data/extracted/') && !path.startsWith('state/')),
    [Symbol.asyncDispose]: async () => {
      await ledger.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function hashes(root: string, wanted: (path: string) => boolean): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = relative(root, join(entry.parentPath, entry.name));
    if (entry.isDirectory() || !wanted(path)) continue;
    found[path] = entry.isFile()
      ? createHash('sha256')
          .update(await readFile(join(root, path)))
          .digest('hex')
      : 'not a regular file';
  }
  return found;
}
