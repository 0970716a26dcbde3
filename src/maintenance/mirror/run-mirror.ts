import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Report } from '../../domain/events.ts';
import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import {
  at as inDirectory,
  openBelow,
  openDirectory,
  removeIn,
  type Directory,
} from '../../platform/linux/index.ts';
import { sweepRecords } from '../record/index.ts';
import { abandonedTemporaries, temporaryPath, type Clock } from '../../platform/runtime/index.ts';
import { mirrorsIn, type CatalogueDeps, type StoredMirror } from './catalogue.ts';
import { isChecksumDue } from './checksum-due.ts';
import { copySources } from './copy-sources.ts';
import { ownerOf } from './owner.ts';
import { placesOf } from './places.ts';
import { pruneMirror } from './prune.ts';
import { publishTree, refuseOtherLatest, settleNames, type Described } from './publish.ts';
import { restoredFrom } from './restored.ts';
import { syncFileSystem } from './rsync.ts';
import type { MirrorSettings } from './settings.ts';
import { likeTheParent, putSnapshots, type SnapshotInto } from './snapshots.ts';
import { openSources, partName, partsOf, refuseWithin, sourcesOf, type OpenSource } from './sources.ts';
import { textOf, type BytePath } from './walk.ts';
import { writeManifest, type Written } from './write-manifest.ts';

export interface MirrorDeps extends CatalogueDeps {
  readonly clock: Clock;
  readonly report: Report;
  /** Every database that the settings name: those that lie in the source are not copied as files while a program writes to them. */
  readonly databases: readonly { readonly name: string; readonly path: string }[];
  readonly snapshotInto: SnapshotInto;
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
  /** Why it may not be what it should be: until an operator confirms it nothing goes. */
  readonly doubt?: string;
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
/** The tree that is being made, in a directory that no other user can enter. */
const TREE = 'tree';

/**
 * One run, safe to repeat at any moment:
 *
 * 1. sweep what a crash left, and bring the names and `latest` to where it was on its way to,
 * 2. into a temporary directory that no other user can enter: the snapshots first, so that each file which they name is still to
 *    be copied, then the sources by rsync, unchanged files as hardlinks to the newest complete mirror,
 * 3. the manifest, which makes it complete; all of it on disk,
 * 4. its record, its name, then `latest`, unless what it holds is in doubt; the newest of a day gets the plain date,
 * 5. what `keep` lets go, which is nothing while the last one is in doubt.
 *
 * A crash leaves the temporary directory, or a whole mirror to which `latest` does not point yet. Everything is done on open
 * directories (P13): the owner of a source or a mirror may swap anything in it. Throws MIRROR_SOURCE, MIRROR_DIRECTORY,
 * MIRROR_FAILED, PROGRAM_MISSING, DISK_FULL, what snapshotInto throws, or the abort's reason; earlier mirrors and `latest` are
 * untouched then.
 */
export async function runMirror(
  deps: MirrorDeps,
  mirror: MirrorSettings,
  signal: AbortSignal,
): Promise<MirrorResult> {
  const { clock, report, timezone } = deps;
  const startedAt = clock.monotonicMs();
  const at = clock.now();
  await using opened = new AsyncDisposableStack();
  const dir = opened.use(await openTarget(mirror));
  await sweep(deps, mirror, dir);
  await sweepRecords(dir);
  const owner = await ownerOf(mirror, deps.origin);
  await refuseOtherLatest(dir);
  await settleNames(dir, owner, timezone);
  const all = await mirrorsIn(dir, owner, timezone);
  const previous = toLinkTo(all);
  const sources = await openSources(mirror, opened);
  await refuseWithin(sources, dir);
  const run: Run = {
    dir,
    sources,
    all,
    at,
    previous: previous && { ...previous, directory: opened.use(await openPrevious(dir, previous)) },
    checksum: previous !== undefined && isChecksumDue(at, previous.checkedAt, timezone),
  };
  const scratch = basename(temporaryPath(dir.path));
  try {
    await mkdir(inDirectory(dir, scratch), { mode: 0o700 });
    const room = opened.use(await openBelow(dir, scratch));
    const { described, ...made } = await make(deps, mirror, { ...run, room }, signal);
    const { file: name, doubt } = await publishTree(
      { from: room, tree: TREE, dir, timezone, keep: mirror.keep },
      { ...owner, ...described },
    );
    const doubtful = doubt === undefined ? {} : { doubt: doubt.said };
    const path = join(dir.path, name);
    if (doubt !== undefined)
      report('copy in doubt', { of: mirror.name, schedule: mirror.name, path, reason: doubt.said });
    const removed = await prune(deps, mirror, name);
    const { databases, ...told } = { mirror: mirror.name, path, ...made };
    const ms = Math.round(clock.monotonicMs() - startedAt);
    report('mirror made', { ...told, ms });
    return { ...told, ...doubtful, databases, name, at, removed, ms };
  } catch (error) {
    signal.throwIfAborted();
    throw mirrorFault(error, mirror, sources);
  } finally {
    await removeIn(dir, scratch).catch((error: unknown) => {
      report('file kept', { path: join(dir.path, scratch), reason: messageOf(error) }); // the next run sweeps it
    });
  }
}

/** What a run works with. */
interface Run {
  readonly dir: Directory;
  readonly sources: readonly OpenSource[];
  /** The mirrors there are. */
  readonly all: readonly StoredMirror[];
  readonly previous: (StoredMirror & { readonly directory: Directory }) | undefined;
  readonly at: number;
  readonly checksum: boolean;
}

type Made = Pick<
  MirrorResult,
  'files' | 'bytes' | 'linked' | 'copiedBytes' | 'checksum' | 'databases' | 'notes'
> & { readonly described: Described };

/** The one to share files with: the newest good one of its own, else one that an older wavspool left. */
function toLinkTo(all: readonly StoredMirror[]): StoredMirror | undefined {
  const whole = all.filter(({ verified, doubt }) => verified && doubt === undefined);
  return (
    whole.find(({ foreign }) => foreign === undefined) ?? whole.find(({ record }) => record === undefined)
  );
}

/** Steps 2 and 3: the tree in `room`, complete and on disk. */
async function make(
  deps: MirrorDeps,
  mirror: MirrorSettings,
  { dir, room, sources, all, previous, at, checksum }: Run & { readonly room: Directory },
  signal: AbortSignal,
): Promise<Made> {
  await mkdir(inDirectory(room, TREE), { mode: DIRECTORY_MODE });
  await using tree = await openBelow(room, TREE);
  const places = await placesOf(deps.databases, mirror.databases, sources, restoredFrom(all, signal));
  const rows = await putSnapshots(tree, places.snapshots, deps.snapshotInto, signal);
  const copied = await copySources(
    {
      sources,
      tree,
      previous: previous?.directory,
      checksum,
      exclude: mirror.exclude,
      leftOut: places.leftOut,
    },
    signal,
  );
  if (mirror.source === undefined) await likeTheParent(tree, [...sources, ...places.snapshots]);
  const link = previous && { directory: previous.directory, checkedAt: previous.checkedAt ?? at };
  const partOf = partsOf(sources, places.snapshots);
  const written = await writeManifest({ mirror: tree, previous: link, at, partOf, checksum }, signal);
  reportAltered(deps, mirror, previous, written);
  if (copied.tooLong.length > 0) reportLeftBehind(deps, mirror, copied.tooLong);
  await syncFileSystem(tree, signal);
  const { files, bytes, linked, copiedBytes } = written;
  const notes = [
    ...copied.notes,
    ...places.notes,
    ...(copied.tooLong.length === 0
      ? []
      : [`${copied.tooLong.length} with paths that are too long are not in it: ${copied.tooLong[0]}`]),
    ...notesOn(written, previous, dir.path),
  ];
  const none = Object.fromEntries(sources.map((source) => [partName(source), 0]));
  const amounts = { ...none, ...written.amounts, ...rows };
  const databases = places.snapshots.map(({ to }) => to);
  const described = { at, bytes, sha256: written.sha256, amounts };
  return { files, bytes, linked, copiedBytes, checksum, databases, notes, described };
}

function notesOn(written: Written, previous: StoredMirror | undefined, dir: string): readonly string[] {
  if (previous?.files === undefined || previous.files < ENOUGH_TO_SHARE || written.linked > 0) return [];
  return [
    `it shares no file with ${previous.name}: does ${dir} keep hardlinks, and times to the nanosecond?`,
  ];
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
function mirrorFault(error: unknown, { dir }: MirrorSettings, sources: readonly OpenSource[]): unknown {
  const code = error instanceof WavspoolError ? undefined : errnoOf(error);
  if (code === undefined) return error;
  const source = sources.map(({ path }) => path).join(', ');
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new WavspoolError('DISK_FULL', `no room for a mirror of ${source} in ${dir}`, { cause: error });
  return new WavspoolError('MIRROR_FAILED', `${source}: ${messageOf(error)}`, { cause: error });
}

async function openTarget({ dir }: MirrorSettings): Promise<Directory> {
  try {
    return await openDirectory(dir, { makeMode: DIRECTORY_MODE });
  } catch (error) {
    throw new WavspoolError('MIRROR_DIRECTORY', `no mirror can be put into ${dir}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function sweep(
  { clock, report }: MirrorDeps,
  { name: mirror }: MirrorSettings,
  dir: Directory,
): Promise<void> {
  try {
    const left = await abandonedTemporaries(`/proc/self/fd/${dir.fd}`, clock.now(), ABANDONED_AFTER_MS);
    for (const path of left) await removeIn(dir, basename(path));
    if (left.length > 0) report('mirror swept', { mirror, trees: left.length });
  } catch (error) {
    const problem = `what an earlier run left in ${dir.path} cannot be removed: ${messageOf(error)}`;
    throw new WavspoolError('MIRROR_DIRECTORY', problem, { cause: error });
  }
}

/** Hardlinks end at the border of a file system: beyond it rsync would copy everything, every day, and say nothing. */
async function openPrevious(dir: Directory, previous: StoredMirror): Promise<Directory> {
  const opened = await openBelow(dir, previous.name);
  const [one, other] = await Promise.all([opened.handle.stat(), dir.handle.stat()]);
  if (one.dev === other.dev) return opened;
  await opened.handle.close();
  throw new WavspoolError(
    'MIRROR_DIRECTORY',
    `${previous.path} is on another file system than ${dir.path}: they could share no files`,
  );
}

function reportAltered(
  { report }: MirrorDeps,
  mirror: MirrorSettings,
  previous: StoredMirror | undefined,
  { damaged, altered }: Written,
): void {
  const { name } = mirror;
  if (damaged.length > 0 && previous !== undefined) {
    report('mirror damaged', {
      mirror: name,
      path: previous.path,
      files: damaged.length,
      firstFiles: shown(damaged),
    });
  }
  if (altered.length > 0) {
    const source = sourcesText(mirror);
    report('mirror source altered', {
      mirror: name,
      source,
      files: altered.length,
      firstFiles: shown(altered),
    });
  }
}

function reportLeftBehind({ report }: MirrorDeps, mirror: MirrorSettings, said: readonly string[]): void {
  const source = sourcesText(mirror);
  report('mirror incomplete', {
    mirror: mirror.name,
    source,
    files: said.length,
    firstFiles: said.slice(0, SHOWN_FILES),
  });
}

function sourcesText(mirror: MirrorSettings): string {
  return sourcesOf(mirror)
    .map(({ path }) => path)
    .join(', ');
}

function shown(paths: readonly BytePath[]): readonly string[] {
  return paths.slice(0, SHOWN_FILES).map(textOf);
}
