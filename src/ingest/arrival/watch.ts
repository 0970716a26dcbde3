import { relative } from 'node:path';
import type { ArrivalDeps } from './deps.ts';
import { lookAt } from './look.ts';
import { landingNames } from './matcher.ts';
import type { DirectoryOnDisk } from './scan.ts';
import type { Tracker } from './tracker.ts';
import { watchedDirectories } from './watched-directories.ts';

/** One directory without a watch is one error; a landing directory can have thousands of them. */
const REPORT_AGAIN_MS = 30_000;
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
  /** Gives up all of them and watches the landing directory anew: another one has come to its name. */
  startAnew(): void;
  stop(): Promise<void>;
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
  const { mayHoldTars } = landingNames(deps.settings);
  const tarOf = tarFinder(deps);
  const fault = faultTeller(deps, rescanSoon);
  let wasReported = false;
  let isStopped = false;

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

  const watched = watchedDirectories({
    clock,
    root: incoming,
    isWanted: (path) => tarOf(path) !== undefined,
    mayHold: (directory) => mayHoldTars(relative(incoming, directory)),
    file: (path) => void observe(path),
    fault,
  });
  watched.add([incoming], false);

  const noteFollowed = async (): Promise<void> => {
    await watched.idle();
    if (isStopped) return;
    if (!wasReported) report('watching', { incoming, directories: watched.size() });
    wasReported = true;
    rescanSoon();
  };

  const follow = (directories: readonly DirectoryOnDisk[]): void => {
    const now = clock.now();
    const unwatched = directories.filter((one) => !watched.has(one.path) && isLively(one, now));
    if (unwatched.length === 0 && wasReported) return;
    const latestFirst = unwatched.toSorted((a, b) => b.ctimeMs - a.ctimeMs).map(({ path }) => path);
    watched.add(latestFirst, false);
    noteFollowed().catch(fault);
  };

  return {
    since: (directory) => watched.since(directory),
    follow,
    followOnly: (directories, scanBeganMs) => {
      const now = clock.now();
      const lively = new Set(directories.filter((one) => isLively(one, now)).map(({ path }) => path));
      watched.keepOnly(lively, scanBeganMs);
      follow(directories);
    },
    startAnew: () => {
      watched.keepOnly(new Set(), Infinity);
      watched.add([incoming], false);
    },
    stop: async () => {
      isStopped = true;
      await watched.stop();
    },
  };
}

/** Finds the tar that a file is, or is the done marker of. */
function tarFinder({ incoming, settings }: ArrivalDeps): (path: string) => string | undefined {
  const { isTar } = landingNames(settings);
  const { doneMarker } = settings;
  return (path) => {
    if (isTar(relative(incoming, path))) return path;
    if (doneMarker === undefined || !path.endsWith(doneMarker)) return undefined;
    const tar = path.slice(0, -doneMarker.length);
    return isTar(relative(incoming, tar)) ? tar : undefined;
  };
}

/** Reports what keeps a directory from being watched, each kind now and then, and has it rescanned each time. */
function faultTeller({ clock, report }: ArrivalDeps, rescanSoon: () => void): (err: unknown) => void {
  const lastReports = new Map<string, number>();
  return (err) => {
    const code = err instanceof Error && 'code' in err ? String(err.code) : '';
    const last = lastReports.get(code);
    const now = clock.monotonicMs();
    if (last === undefined || now - last >= REPORT_AGAIN_MS) {
      lastReports.set(code, now);
      report('watch fault', { err, remedy: REMEDIES[code] ?? ANY_REMEDY });
    }
    rescanSoon();
  };
}
