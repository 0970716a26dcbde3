import { isUtf8 } from 'node:buffer';
import { lstat, opendir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../../domain/faults.ts';
import { decodeName } from '../../platform/tar/index.ts';
import { isAbsence, lookAt, lookAtAny, lookAtDirectory, type TarOnDisk } from './look.ts';
import type { LandingNames } from './matcher.ts';
import type { Untaken } from './untaken.ts';

/** lstats under way at once where they wait for a disk or a network. */
const AT_ONCE = 32;
/** Entries of a directory that hides: what it is used for shows in fewer. */
const PEEK_ENTRIES = 1000;

/** What Node puts where a name is not UTF-8; such a path cannot be opened again. */
const NOT_UTF8 = '\uFFFD';

/** A directory that was scanned. */
export interface DirectoryOnDisk {
  /** Absolute. */
  readonly path: string;
  /** When it last changed before it was read, ms since 1970, by the host's own clock; 0 when it is not known. */
  readonly ctimeMs: number;
  readonly hasDirectories: boolean;
}

/** Who is told of what a scan finds beside tars. */
export interface ScanTold {
  /** A directory that was read. */
  readonly scanned?: ((directory: DirectoryOnDisk) => void) | undefined;
  /** What lies there and is no tar that can be taken. */
  readonly untaken?: ((one: Untaken) => void) | undefined;
  /** How long a client may take to finish what it began, in ms. */
  readonly patienceMs?: number;
}

interface Telling {
  readonly untaken: (one: Untaken) => void;
  readonly patienceMs: number;
}

/** A directory to be read, absolute and as what it is below the landing directory: to derive one from the other takes longer than to match. */
interface Place {
  readonly directory: string;
  readonly below: string;
}

interface Entry {
  readonly path: string;
  readonly below: string;
  readonly is: 'file' | 'directory' | 'other';
}

/**
 * Walks the landing directory and yields every tar, in no order. It never follows symbolic links, and does not go where no tar may
 * lie. What vanishes on the way is skipped; of all else that is there and cannot be taken `untaken` is told, so is it of the
 * landing directory itself when that cannot be read. Memory: one path per directory still to be read, never the tars.
 */
export async function* scan(
  incoming: string,
  names: LandingNames,
  { scanned, untaken = () => undefined, patienceMs = Infinity }: ScanTold = {},
): AsyncGenerator<TarOnDisk, void, undefined> {
  const directories: Place[] = [{ directory: incoming, below: '' }];
  for (let next = directories.pop(); next !== undefined; next = directories.pop()) {
    const { directory } = next;
    const ctimeMs = await lookAtDirectory(directory);
    let hasDirectories = false;
    let files: Entry[] = [];
    for await (const entry of entriesOf(next, directory === incoming, untaken)) {
      if (entry.is === 'directory') {
        hasDirectories = true;
        const place = { directory: entry.path, below: `${entry.below}/` };
        if (names.mayHoldTars(entry.below)) directories.push(place);
        else await peek(place, names, { untaken, patienceMs });
        continue;
      }
      files.push(entry);
      if (files.length < AT_ONCE) continue;
      yield* await look(files, names, { untaken, patienceMs });
      files = [];
    }
    yield* await look(files, names, { untaken, patienceMs });
    scanned?.({ path: directory, ctimeMs, hasDirectories });
  }
}

async function* entriesOf(
  { directory, below }: Place,
  isRoot: boolean,
  untaken: (one: Untaken) => void,
): AsyncGenerator<Entry> {
  let isOdd = false;
  try {
    for await (const entry of await opendir(directory, { bufferSize: 256 })) {
      if (entry.name.includes(NOT_UTF8)) isOdd = true;
      else yield { path: `${directory}/${entry.name}`, below: `${below}${entry.name}`, is: kindOf(entry) };
    }
    if (isOdd) yield* oddEntriesOf({ directory, below }, untaken);
  } catch (err) {
    if (isAbsence(err) && !isRoot) return; // vanished since it was listed
    const detail = `the directory cannot be read: ${messageOf(err)}`;
    const changedMs = await lookAtDirectory(directory);
    untaken({ path: directory, reason: 'unreadable', detail, bytes: 0, changedMs, patienceMs: 0 });
  }
}

function kindOf(entry: { isDirectory(): boolean; isFile(): boolean }): Entry['is'] {
  if (entry.isDirectory()) return 'directory';
  return entry.isFile() ? 'file' : 'other';
}

/** Those whose name has the character that stands for bytes that are not UTF-8: by their bytes, for it may really be in the name. */
async function* oddEntriesOf(
  { directory, below }: Place,
  untaken: (one: Untaken) => void,
): AsyncGenerator<Entry> {
  // Node's types know no such directory, but it gives names as bytes
  const options = { bufferSize: 256, encoding: 'buffer' as BufferEncoding };
  for await (const entry of await opendir(directory, options)) {
    const bytes = entry.name as unknown as Buffer;
    const name = bytes.toString('utf8');
    if (!name.includes(NOT_UTF8)) continue;
    if (isUtf8(bytes)) {
      yield { path: `${directory}/${name}`, below: `${below}${name}`, is: kindOf(entry) };
      continue;
    }
    const found = await lookAtBytes(Buffer.concat([Buffer.from(`${directory}/`), bytes]));
    if (found === undefined) continue;
    const detail = entry.isDirectory()
      ? 'the name of the directory is not UTF-8: rename it'
      : 'its name is not UTF-8: rename it';
    const path = `${directory}/${decodeName(bytes)}`;
    untaken({ path, reason: 'name not UTF-8', detail, ...found, patienceMs: 0 });
  }
}

async function lookAtBytes(path: Buffer): Promise<{ bytes: number; changedMs: number } | undefined> {
  try {
    const stats = await lstat(path);
    return { bytes: stats.isFile() ? stats.size : 0, changedMs: stats.ctimeMs };
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** Looks at some files; returns the tars, in order, and tells of the others. */
async function look(
  entries: readonly Entry[],
  names: LandingNames,
  { untaken, patienceMs }: Telling,
): Promise<TarOnDisk[]> {
  const tars = await Promise.all(
    entries.map(async ({ path, below, is }) => {
      const kind = names.kindOf(below);
      if (kind === 'marker' || kind === 'service') return undefined;
      try {
        if (kind === 'tar' && is === 'file') return await lookAt(path);
        const found = await lookAtAny(path);
        if (found === undefined) return undefined;
        const seen = { path, bytes: is === 'file' ? found.size : 0, changedMs: found.ctimeMs, patienceMs: 0 };
        if (is === 'other')
          untaken({ ...seen, reason: kind === 'tar' ? 'unreadable' : 'no pattern', detail: NO_FILE });
        else if (kind === 'temporary') untaken({ ...seen, reason: 'waiting', detail: TEMPORARY, patienceMs });
        else untaken({ ...seen, reason: 'no pattern', detail: NO_PATTERN });
      } catch (err) {
        const changedMs = await lookAtDirectory(dirname(path));
        untaken({ path, reason: 'unreadable', detail: messageOf(err), bytes: 0, changedMs, patienceMs: 0 });
      }
      return undefined;
    }),
  );
  return tars.filter((tar) => tar !== undefined);
}

const TEMPORARY = 'it has a temporary name (arrival.temporary)';
const NO_PATTERN = 'its name matches none of arrival.patterns';
const NO_FILE = 'it is no regular file: links are not followed, a pipe or a device is not read';

/** A directory that hides is not looked into, but a tar that lies right in it may have been forgotten there, by a killed rsync. */
async function peek(
  { directory, below }: Place,
  names: LandingNames,
  { untaken, patienceMs }: Telling,
): Promise<void> {
  let bytes = 0;
  let tars = 0;
  let entries = 0;
  for await (const { path, below: name, is } of entriesOf({ directory, below }, false, () => undefined)) {
    entries += 1;
    if (entries > PEEK_ENTRIES) break;
    if (is !== 'file' || !names.isOnItsWay(name)) continue;
    const found = await lookAt(path).catch(() => undefined); // in a directory that is not watched
    bytes += found?.size ?? 0;
    tars += found === undefined ? 0 : 1;
  }
  if (tars === 0) return;
  const detail = `${tars} in a directory that hides: nothing in it is taken unless arrival.patterns name it`;
  const changedMs = await lookAtDirectory(directory);
  untaken({ path: directory, reason: 'waiting', detail, bytes, changedMs, patienceMs });
}
