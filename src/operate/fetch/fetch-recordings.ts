import { createReadStream } from 'node:fs';
import { lstat, mkdir, mkdtemp, rm, utimes } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { Header, Pack, ReadEntry } from 'tar';
import { unlessGone } from '../../domain/faults.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import { dateOf, makeDirectory, publishUnlessTaken, sha256OfFile } from '../../platform/runtime/index.ts';
import type { ObjectStore } from '../../platform/s3/index.ts';
import { spool } from './spool.ts';

export interface FetchDeps {
  readonly store: Pick<ObjectStore, 'get'>;
  /** `paths.extracted`: what a name begins with that is not part of it. */
  readonly extracted: string;
  /** Where one recording at a time lies until it is proven. */
  readonly scratch: string;
}

/** A recording that did not come back as it went. */
export interface Unverified {
  readonly path: string;
  readonly why: string;
}

/** What came back. */
export interface Fetched {
  readonly recordings: number;
  readonly bytes: number;
  readonly unverified: readonly Unverified[];
}

/** The names of those that could not be proven stand in the last member. */
export const TRAILER = 'UNVERIFIED.txt';
/** More of them are counted and not named. */
const MOST_NAMED = 100_000;

/**
 * Recordings as one tar, chunk by chunk, under their paths below `paths.extracted`, with the time of their tar. Each is downloaded and
 * proven before it begins in the tar: no byte that is not proven is in it. Those that cannot be proven are named in a last member.
 * Memory and disk: one recording. `onEnd` is told the outcome before the last chunk. Throws a store fault when the store as a whole
 * cannot answer: the tar has no end marker then.
 */
export async function* asTar(
  deps: FetchDeps,
  rows: AsyncIterable<RecordingRow>,
  signal: AbortSignal,
  onEnd: (fetched: Fetched) => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  await makeDirectory(deps.scratch);
  const directory = await mkdtemp(join(deps.scratch, 'fetch-'));
  const tally = { recordings: 0, bytes: 0, unverified: [] as Unverified[] };
  try {
    for await (const row of rows) {
      const file = join(directory, 'recording');
      const spooled = await spool(deps.store, row, file, signal);
      if (!spooled.ok) {
        if (tally.unverified.length < MOST_NAMED) tally.unverified.push({ path: row.path, why: spooled.why });
        continue;
      }
      tally.recordings += 1;
      tally.bytes += spooled.bytes;
      const member = { path: nameIn(deps, row), size: spooled.bytes, mtimeMs: row.tarMtimeMs ?? 0 };
      yield* packed(member, createReadStream(file));
      await rm(file);
    }
    if (tally.unverified.length > 0) {
      const text = Buffer.from(tally.unverified.map(({ path, why }) => `${path}\t${why}\n`).join(''));
      yield* packed({ path: TRAILER, size: text.length, mtimeMs: 0 }, [text]);
    }
    onEnd(tally);
    yield Buffer.alloc(END_BYTES);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const BLOCK = 512;
/** The end of an archive: two blocks of zeros. */
const END_BYTES = 2 * BLOCK;

interface Member {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** One member as node-tar's Pack writes it, long and odd names included, without the end of the archive. */
async function* packed(
  { path, size, mtimeMs }: Member,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const header = new Header({ path, size, mode: 0o640, type: 'File', mtime: dateOf(mtimeMs) });
  const entry = new ReadEntry(header);
  const pack = new Pack({ portable: false });
  const chunks: Uint8Array[] = [];
  pack.on('data', (chunk) => chunks.push(chunk));
  pack.add(entry);
  // held back by so much, what Pack adds at its end is known and left away
  let held = Buffer.alloc(0);
  const take = (): Buffer => {
    const all = Buffer.concat([held, ...chunks.splice(0)]);
    const out = all.subarray(0, Math.max(0, all.length - END_BYTES));
    held = Buffer.from(all.subarray(out.length));
    return out;
  };
  for await (const chunk of body) {
    entry.write(Buffer.from(chunk));
    yield take();
  }
  const ended = new Promise<void>((resolve, reject) => {
    pack.on('end', () => resolve());
    pack.on('error', reject);
  });
  entry.end();
  pack.end();
  await ended;
  yield take();
}

/**
 * Recordings into a directory, under their paths below `paths.extracted`. Each appears under its name when it is proven and on disk (P3).
 * A file that is there stays: with the same bytes it counts as fetched, with others it is told. Safe to repeat.
 */
export async function intoDirectory(
  deps: FetchDeps,
  rows: AsyncIterable<RecordingRow>,
  to: string,
  signal: AbortSignal,
  onFile: (path: string) => void = () => undefined,
): Promise<Fetched> {
  await mkdir(to, { recursive: true });
  const directory = await mkdtemp(join(to, '.wavspool-fetch-'));
  const tally = { recordings: 0, bytes: 0, unverified: [] as Unverified[] };
  try {
    for await (const row of rows) {
      const why = await intoFile(deps, row, to, directory, signal);
      if (why === undefined) {
        tally.recordings += 1;
        tally.bytes += row.size ?? 0;
        onFile(row.path);
      } else if (tally.unverified.length < MOST_NAMED) tally.unverified.push({ path: row.path, why });
    }
    return tally;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Why the recording is not there under its name; undefined when it is. */
async function intoFile(
  deps: FetchDeps,
  row: RecordingRow,
  to: string,
  directory: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const path = resolve(to, nameIn(deps, row));
  if (!path.startsWith(resolve(to) + sep)) return 'its name leads out of the directory';
  const there = await lstat(path).catch(unlessGone);
  if (there !== undefined) {
    if (there.isFile() && (await sha256OfFile(path, signal)) === row.sha256) return undefined;
    return `${path} is there and is something else`;
  }
  const file = join(directory, 'recording');
  const spooled = await spool(deps.store, row, file, signal);
  if (!spooled.ok) return spooled.why;
  const at = dateOf(row.tarMtimeMs ?? 0);
  if (row.tarMtimeMs !== undefined) await utimes(file, at, at);
  await mkdir(dirname(path), { recursive: true });
  if (publishUnlessTaken(file, path)) return undefined;
  await rm(file);
  return `${path} has come meanwhile and may be something else`;
}

/** Its path below `paths.extracted`; of one that lies elsewhere the whole path without its slash. */
function nameIn({ extracted }: FetchDeps, { path }: RecordingRow): string {
  const below = relative(extracted, path);
  return below.startsWith('..') ? path.replace(/^\/+/, '') : below;
}
