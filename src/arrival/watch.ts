import { relative } from 'node:path';
import type { ArrivalDeps } from './deps.ts';
import { lookAt } from './look.ts';
import { tarMatcher } from './matcher.ts';
import type { DirectoryOnDisk } from './scan.ts';
import type { Tracker } from './tracker.ts';
import { watchDirectory, type DirectoryWatch } from './watch-directory.ts';

/** One directory without a watch is one error; a landing directory can have thousands of them. */
const REPORT_AGAIN_MS = 30_000;
/** A directory of a million files takes a tenth of it. */
const READY_WITHIN_MS = 60_000;
/** Of a tree of dates, the last month and what has directories in it. */
const LIVELY_MS = 30 * 24 * 3600 * 1000;

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC:
    'raise fs.inotify.max_user_watches: one is needed per directory; until then the rescan finds the tars',
  EMFILE:
    'raise fs.inotify.max_user_instances or the limit of open files; until then the rescan finds the tars',
  EACCES: 'let wavspool read the named directory',
};
const ANY_REMEDY = 'none needed: the rescan finds what events missed; look into it if it lasts';

/** The directories of the landing directory that are watched. */
export interface Watch {
  /** Since when events tell of what comes into that directory, ms since 1970; undefined while they do not. */
  since(directory: string): number | undefined;
  /** Watches what of these is lively, the latest change first. */
  follow(directories: readonly DirectoryOnDisk[]): void;
  /** The same, and gives up the others, but for those that have appeared since `scanBeganMs` by the monotonic clock. */
  followOnly(directories: readonly DirectoryOnDisk[], scanBeganMs: number): void;
  stop(): Promise<void>;
}

interface Watched {
  readonly watch: DirectoryWatch;
  /** By the monotonic clock. */
  readonly openedMs: number;
  since: number | undefined;
}

/**
 * Whether something is to be expected in a directory: new directories in one that has some, new tars in one that has changed
 * lately. A watch costs memory and one of the system's, and to begin it costs a look at every file; the years that have gone by
 * are left to the rescan.
 */
export function isLively({ hasDirectories, ctimeMs }: DirectoryOnDisk, now: number): boolean {
  return hasDirectories || now - ctimeMs < LIVELY_MS;
}

/**
 * Watches directories below the landing directory, and the landing directory itself from now on, and has the tracker observe
 * what changes in them. Events are only hints, so errors are reported and never thrown; `rescanSoon` is called after each, and
 * when what was to be followed is watched, for what came before.
 */
export function watchArrivals(deps: ArrivalDeps, tracker: Tracker, rescanSoon: () => void): Watch {
  const { clock, incoming, report } = deps;
  const marker = deps.settings.doneMarker;
  const isTar = tarMatcher(deps.settings);
  const lastReports = new Map<string, number>();
  const watched = new Map<string, Watched>();
  /** One is opened after the other, the last first: to open one is to look at all that is in it, hundreds of files at once. */
  const toOpen: string[] = [];
  /** Of those to be opened, what has appeared while its parent was watched. */
  const isNew = new Map<string, boolean>();
  let opening: Promise<void> | undefined;
  let isFollowing = false;
  let wasReported = false;
  const stopping = new AbortController();

  /** The tar that a file is, or is the done marker of. */
  const tarOf = (path: string): string | undefined => {
    if (isTar(relative(incoming, path))) return path;
    if (marker === undefined || !path.endsWith(marker)) return undefined;
    const tar = path.slice(0, -marker.length);
    return isTar(relative(incoming, tar)) ? tar : undefined;
  };

  const observe = async (path: string): Promise<void> => {
    const tar = tarOf(path);
    if (tar === undefined) return;
    try {
      const found = await lookAt(tar);
      if (found !== undefined) tracker.observe(found, 'event');
    } catch (err) {
      report('tar unreadable', { tar, err });
    }
  };

  const fault = (err: unknown): void => {
    const code = err instanceof Error && 'code' in err ? String(err.code) : '';
    const last = lastReports.get(code);
    const now = clock.monotonicMs();
    if (last === undefined || now - last >= REPORT_AGAIN_MS) {
      lastReports.set(code, now);
      report('watch fault', { err, remedy: REMEDIES[code] ?? ANY_REMEDY });
    }
    rescanSoon();
  };

  /** Of a new directory all is observed that is in it; what was in another before, the rescan has seen. */
  const open = async (directory: string): Promise<void> => {
    giveUp(directory);
    const how = { isNew: isNew.get(directory) === true, mayBeLink: directory === incoming };
    const watch = watchDirectory(directory, how, {
      isWanted: (path) => tarOf(path) !== undefined,
      file: (path) => void observe(path),
      directory: (path) => enqueue([path], true),
      fault,
    });
    isNew.delete(directory);
    const one: Watched = { watch, openedMs: clock.monotonicMs(), since: undefined };
    watched.set(directory, one);
    const waited = new AbortController();
    const isReady = await Promise.race([
      watch.ready.then(() => true),
      clock.sleep(READY_WITHIN_MS, AbortSignal.any([waited.signal, stopping.signal])),
    ]);
    waited.abort();
    if (isReady === true) one.since = clock.now();
    else if (!stopping.signal.aborted)
      fault(new Error(`${directory} is not watched after ${READY_WITHIN_MS / 1000} s`));
  };

  const giveUp = (directory: string): void => {
    const one = watched.get(directory);
    watched.delete(directory);
    one?.watch.close().catch(fault);
  };

  const enqueue = (directories: readonly string[], areNew: boolean): void => {
    for (const directory of directories) {
      if (!isNew.has(directory)) toOpen.push(directory);
      isNew.set(directory, areNew || isNew.get(directory) === true);
    }
    if (toOpen.length > 0) opening ??= openAll();
  };

  const openAll = async (): Promise<void> => {
    for (let next = toOpen.pop(); next !== undefined && !stopping.signal.aborted; next = toOpen.pop()) {
      try {
        await open(next);
      } catch (err) {
        fault(err);
      }
    }
    opening = undefined;
    noteFollowed();
  };

  /** Once all is watched that was to be followed. */
  const noteFollowed = (): void => {
    if (!isFollowing || stopping.signal.aborted) return;
    isFollowing = false;
    if (!wasReported) report('watching', { incoming, directories: watched.size });
    wasReported = true;
    rescanSoon();
  };

  const follow = (directories: readonly DirectoryOnDisk[]): void => {
    const now = clock.now();
    const unwatched = directories.filter((one) => !watched.has(one.path) && isLively(one, now));
    isFollowing ||= unwatched.length > 0 || !wasReported;
    const latestLast = unwatched.toSorted((a, b) => a.ctimeMs - b.ctimeMs);
    enqueue(
      latestLast.map(({ path }) => path),
      false,
    );
    if (opening === undefined) noteFollowed();
  };

  enqueue([incoming], false);

  return {
    since: (directory) => watched.get(directory)?.since,
    follow,
    followOnly: (directories, scanBeganMs) => {
      const now = clock.now();
      const lively = new Set(directories.filter((one) => isLively(one, now)).map(({ path }) => path));
      for (const [directory, { openedMs }] of watched)
        if (directory !== incoming && !lively.has(directory) && openedMs < scanBeganMs) giveUp(directory);
      follow(directories);
    },
    stop: async () => {
      stopping.abort();
      await opening;
      await Promise.all([...watched.values()].map(({ watch }) => watch.close()));
    },
  };
}
