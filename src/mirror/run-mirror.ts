import { chmod, mkdir, lstat, readdir, realpath, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Report } from '../events.ts';
import { WavspoolError, errnoOf, messageOf, unlessGone } from '../faults.ts';
import { removeTree } from '../linux/index.ts';
import {
  abandonedTemporaries,
  makeDirectory,
  syncDirectory,
  temporaryPath,
  type Clock,
} from '../runtime/index.ts';
import { listMirrors, type StoredMirror } from './catalogue.ts';
import { isChecksumDue } from './checksum-due.ts';
import { LATEST, MANIFEST, mirrorNames, type MirrorNames } from './names.ts';
import { pruneMirror, type MirrorSettings } from './prune.ts';
import { isBelow, runRsync, syncFileSystem } from './rsync.ts';
import type { BytePath } from './walk.ts';
import { writeManifest, type Written } from './write-manifest.ts';

export interface MirrorDeps {
  readonly clock: Clock;
  readonly report: Report;
  readonly timezone: string;
  /** Every database that the settings name: those that lie in the source are not copied as files while somebody writes to them. */
  readonly databases: readonly { readonly name: string; readonly path: string }[];
  /** Puts a verified snapshot of a database into a directory that exists. */
  readonly snapshotInto: (
    database: string,
    directory: string,
    signal: AbortSignal,
  ) => Promise<{ readonly file: string }>;
}

export interface MirrorResult extends Pick<Written, 'files' | 'bytes' | 'linked' | 'copiedBytes'> {
  readonly mirror: string;
  readonly name: string;
  readonly path: string;
  /** When it was begun, ms since 1970. */
  readonly at: number;
  /** It was the monthly pass, which compares contents. */
  readonly checksum: boolean;
  /** The snapshots in it, below the mirror. */
  readonly databases: readonly string[];
  /** What an operator may want to know of a run that succeeded. */
  readonly notes: readonly string[];
  /** The older mirrors that its `keep` let go. */
  readonly removed: readonly string[];
  readonly ms: number;
}

const DIRECTORY_MODE = 0o750;
/** A run that its process did not end is given up for dead when it is this old, whatever process has its number now. */
const ABANDONED_AFTER_MS = 7 * 86_400_000;
const SHOWN_FILES = 20;
/** Among so many files one is usually unchanged. */
const ENOUGH_TO_SHARE = 10;

/**
 * One run, safe to repeat at any moment:
 *
 * 1. sweep what a crash left,
 * 2. into a temporary directory: the snapshots first, so that each file which they name is still to be copied, then the source
 *    by rsync, unchanged files as hardlinks to the newest complete mirror,
 * 3. the manifest, which makes it complete; all of it on disk,
 * 4. the date as its name, then `latest`,
 * 5. what `keep` lets go.
 *
 * A crash leaves the temporary directory, or a whole mirror to which `latest` does not point yet. Throws MIRROR_SOURCE,
 * MIRROR_DIRECTORY, MIRROR_FAILED, PROGRAM_MISSING, DISK_FULL, what snapshotInto throws, or the abort's reason; earlier mirrors
 * and `latest` are untouched then.
 */
export async function runMirror(
  deps: MirrorDeps,
  mirror: MirrorSettings,
  signal: AbortSignal,
): Promise<MirrorResult> {
  const { clock, report, timezone } = deps;
  const { dir } = mirror;
  const startedAt = clock.monotonicMs();
  const at = clock.now();
  await sweep(deps, mirror);
  const all = await listMirrors(mirror, timezone);
  const previous = all.find(({ verified }) => verified);
  await checkSource(mirror, previous);
  await checkDirectory(mirror, previous);
  const checksum = previous !== undefined && isChecksumDue(at, previous.checkedAt, timezone);
  const partial = temporaryPath(dir);
  try {
    await mkdir(partial, { mode: DIRECTORY_MODE });
    const places = await placesOf(deps, mirror);
    const databases = await takeSnapshots(deps, partial, places, signal);
    const notes = [...(await copyFiles(places, { partial, previous, checksum }, signal))];
    const link = previous && { path: previous.path, checkedAt: previous.checkedAt ?? at };
    const written = await writeManifest({ mirror: partial, previous: link, at, checksum }, signal);
    reportAltered(deps, mirror, previous, written);
    if (previous?.files !== undefined && written.files < previous.files / 2)
      notes.push(
        `${written.files} files, and ${previous.name} has ${previous.files}: is something not mounted?`,
      );
    if (previous?.files !== undefined && previous.files >= ENOUGH_TO_SHARE && written.linked === 0)
      notes.push(
        `it shares no file with ${previous.name}: does ${dir} keep hardlinks, and times to the nanosecond?`,
      );
    await syncFileSystem(partial, signal);
    const name = await publish(partial, dir, mirrorNames(timezone), at);
    const removed = await prune(deps, mirror, name);
    const { files, bytes, linked, copiedBytes } = written;
    const made = {
      mirror: mirror.name,
      path: join(dir, name),
      files,
      bytes,
      linked,
      copiedBytes,
      checksum,
      notes,
    };
    const ms = Math.round(clock.monotonicMs() - startedAt);
    report('mirror made', { ...made, ms });
    return { ...made, name, at, databases, removed, ms };
  } catch (error) {
    signal.throwIfAborted();
    throw mirrorFault(error, mirror);
  } finally {
    await removeTree(partial).catch((error: unknown) => {
      report('file kept', { path: partial, reason: messageOf(error) }); // the next run sweeps it
    });
  }
}

/** Returns the names of those that are gone. */
async function prune(deps: MirrorDeps, mirror: MirrorSettings, made: string): Promise<readonly string[]> {
  try {
    const judged = await pruneMirror(deps, mirror, { dryRun: false });
    return judged.filter(({ keep }) => !keep).map(({ item }) => item.name);
  } catch (error) {
    const problem = `${join(mirror.dir, made)} is made, but no older one could be removed: ${messageOf(error)}`;
    throw new WavspoolError('MIRROR_DIRECTORY', problem, { cause: error });
  }
}

/** What the system says of a file in the source or the mirror as a fault of ours; one that is ours already stays as it is. */
function mirrorFault(error: unknown, { source, dir }: MirrorSettings): unknown {
  const code = error instanceof WavspoolError ? undefined : errnoOf(error);
  if (code === undefined) return error;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new WavspoolError('DISK_FULL', `no room for a mirror of ${source} in ${dir}`, { cause: error });
  return new WavspoolError('MIRROR_FAILED', `${source}: ${messageOf(error)}`, { cause: error });
}

async function sweep({ clock, report }: MirrorDeps, { name: mirror, dir }: MirrorSettings): Promise<void> {
  try {
    await makeDirectory(dir, DIRECTORY_MODE);
    const left = await abandonedTemporaries(dir, clock.now(), ABANDONED_AFTER_MS);
    for (const path of left) await removeTree(path);
    if (left.length > 0) report('mirror swept', { mirror, trees: left.length });
  } catch (error) {
    throw new WavspoolError('MIRROR_DIRECTORY', `no mirror can be put into ${dir}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** A disk that is not mounted leaves an empty directory behind: a mirror of that would look like one of a source that was emptied. */
async function checkSource(
  { source, databases }: MirrorSettings,
  previous: StoredMirror | undefined,
): Promise<void> {
  const entries = await readdir(source).catch((error: unknown) => {
    throw new WavspoolError('MIRROR_SOURCE', `${source} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  });
  if (previous === undefined || entries.some((name) => name !== 'lost+found')) return;
  if (previous.files === undefined || previous.files <= databases.length) return;
  throw new WavspoolError(
    'MIRROR_SOURCE',
    `${source} is empty, and ${previous.path} is not: is its disk mounted? If it is meant to be empty, put an empty file into it`,
  );
}

/** Hardlinks end at the border of a file system: beyond it rsync would copy everything, every day, and say nothing. */
async function checkDirectory(
  { dir, source }: MirrorSettings,
  previous: StoredMirror | undefined,
): Promise<void> {
  if (isBelow(await realpath(source), join(await realpath(dir), LATEST))) {
    throw new WavspoolError('MIRROR_DIRECTORY', `${dir} lies in ${source}: the mirror would copy itself`);
  }
  const latest = await lstat(join(dir, LATEST)).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (latest?.isSymbolicLink() === false) {
    throw new WavspoolError('MIRROR_DIRECTORY', `${join(dir, LATEST)} is no symlink: move it away`);
  }
  if (previous === undefined || (await stat(previous.path)).dev === (await stat(dir)).dev) return;
  throw new WavspoolError(
    'MIRROR_DIRECTORY',
    `${previous.path} is on another file system than ${dir}: they could share no files`,
  );
}

/** Where the databases of a mirror are, and where their snapshots go. */
interface Places {
  readonly source: string;
  readonly snapshots: readonly { readonly name: string; readonly to: string }[];
  /** Files in the source that are not copied: the databases whose snapshots take their place. */
  readonly leftOut: readonly string[];
  /** Databases in the source that the mirror does not name, and so copies as files. */
  readonly raw: readonly { readonly name: string; readonly path: string }[];
}

/**
 * A snapshot stands where its database lies in the source; that of one elsewhere at the top, as `<name>.db`. Throws
 * MIRROR_SOURCE where the source has a file of that name.
 */
async function placesOf({ databases }: MirrorDeps, mirror: MirrorSettings): Promise<Places> {
  const source = await realpath(mirror.source);
  const snapshots: { name: string; to: string }[] = [];
  const leftOut: string[] = [];
  const raw: { name: string; path: string }[] = [];
  for (const { name, path } of databases) {
    const real = await realpath(path).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return path;
      throw error;
    });
    const isInside = isBelow(source, real);
    if (!mirror.databases.includes(name)) {
      if (isInside) raw.push({ name, path: real });
      continue;
    }
    snapshots.push({ name, to: isInside ? relative(source, real) : `${name}.db` });
    if (isInside) leftOut.push(...['', '-wal', '-shm', '-journal'].map((end) => real + end));
  }
  for (const ours of [MANIFEST, ...snapshots.map(({ to }) => to)]) {
    const inTheWay = join(source, ours);
    if (!leftOut.includes(inTheWay) && (await lstat(inTheWay).catch(unlessGone)) !== undefined)
      throw new WavspoolError(
        'MIRROR_SOURCE',
        `${inTheWay} has the name that a file of the mirror's own gets`,
      );
  }
  return { source, snapshots, leftOut, raw };
}

async function takeSnapshots(
  { snapshotInto }: MirrorDeps,
  partial: string,
  { snapshots }: Places,
  signal: AbortSignal,
): Promise<readonly string[]> {
  for (const { name, to } of snapshots) {
    const directory = temporaryPath(partial);
    await mkdir(directory, { mode: 0o700 });
    const { file } = await snapshotInto(name, directory, signal);
    await mkdir(dirname(join(partial, to)), { recursive: true, mode: DIRECTORY_MODE });
    await rename(file, join(partial, to));
    await rm(directory, { recursive: true }); // with the hash beside it, which the manifest has too
  }
  return snapshots.map(({ to }) => to);
}

interface Run {
  readonly partial: string;
  readonly previous: StoredMirror | undefined;
  readonly checksum: boolean;
}

async function copyFiles(
  { source, leftOut, raw }: Places,
  { partial, previous, checksum }: Run,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const rsync = { source, target: partial, linkTo: previous?.path, checksum, leftOut };
  const notes = await runRsync(rsync, signal);
  // it has the source's mode now, which may forbid even its owner to put the manifest in
  await chmod(partial, (await stat(partial)).mode | 0o700);
  return [
    ...notes,
    ...raw.map(
      ({ name, path }) =>
        `${path} was copied as a file, which may be torn: name database ${name} in the mirror's "databases"`,
    ),
  ];
}

/** Gives the complete mirror its name, then moves `latest`; returns the name. */
async function publish(partial: string, dir: string, names: MirrorNames, at: number): Promise<string> {
  const name = names.nameFor(at, await readdir(dir));
  await rename(partial, join(dir, name));
  await syncDirectory(dir);
  await pointLatestAt(name, dir);
  return name;
}

/** Moves the symlink as a whole: whoever reads it finds the old one or the new one. */
async function pointLatestAt(name: string, dir: string): Promise<void> {
  const temporary = temporaryPath(dir);
  await symlink(name, temporary);
  try {
    await rename(temporary, join(dir, LATEST));
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(dir);
}

function reportAltered(
  { report }: MirrorDeps,
  { name: mirror, source }: MirrorSettings,
  previous: StoredMirror | undefined,
  { damaged, altered }: Written,
): void {
  if (damaged.length > 0 && previous !== undefined) {
    report('mirror damaged', {
      mirror,
      path: previous.path,
      files: damaged.length,
      firstFiles: shown(damaged),
    });
  }
  if (altered.length > 0) {
    report('mirror source altered', { mirror, source, files: altered.length, firstFiles: shown(altered) });
  }
}

function shown(paths: readonly BytePath[]): readonly string[] {
  return paths.slice(0, SHOWN_FILES).map((path) => Buffer.from(path, 'latin1').toString('utf8'));
}
