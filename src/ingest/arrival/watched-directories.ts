import type { Clock } from '../../platform/runtime/index.ts';
import { watchDirectory, type DirectoryWatch } from './watch-directory.ts';

/** A directory of a million files takes a tenth of it. */
const READY_WITHIN_MS = 60_000;

/** Directories that are watched, or are to be. */
export interface WatchedDirectories {
  has(directory: string): boolean;
  size(): number;
  /** Since when events tell of what comes into it, ms since 1970; undefined while they do not. */
  since(directory: string): number | undefined;
  /**
   * Has them watched in this order, and before what was added earlier. Of what has just appeared all is told that is in it; what
   * is in another, the rescan has seen. One that is watched already is watched anew.
   */
  readonly add: (directories: readonly string[], haveAppeared: boolean) => void;
  /** Gives up those that are not among these, but for what was added since `beganMs` by the monotonic clock. */
  keepOnly(directories: ReadonlySet<string>, beganMs: number): void;
  /** Resolves when all that was added is watched. */
  readonly idle: () => Promise<void>;
  stop(): Promise<void>;
}

interface WatchedDeps {
  readonly clock: Clock;
  /** The directory that is watched even where it is a symbolic link. */
  readonly root: string;
  readonly isWanted: (path: string) => boolean;
  /** Whether there may be anything wanted in a directory. */
  readonly mayHold: (directory: string) => boolean;
  readonly file: (path: string) => void;
  readonly fault: (error: unknown) => void;
}

interface Watched {
  readonly watch: DirectoryWatch;
  /** By the monotonic clock. */
  readonly openedMs: number;
  since: number | undefined;
}

/** Begins with none. Nothing here throws: what fails is told to `fault`. */
export function watchedDirectories({
  clock,
  root,
  isWanted,
  mayHold,
  file,
  fault,
}: WatchedDeps): WatchedDirectories {
  const watched = new Map<string, Watched>();
  const stopping = new AbortController();

  const open = async (directory: string, hasAppeared: boolean): Promise<void> => {
    close(directory); // one that has gone and come again is another directory
    const how = { isNew: hasAppeared, mayBeLink: directory === root };
    const told = {
      isWanted,
      file,
      fault,
      directory: (path: string) => opening.add(mayHold(path) ? [path] : [], true),
    };
    const one: Watched = {
      watch: watchDirectory(directory, how, told),
      openedMs: clock.monotonicMs(),
      since: undefined,
    };
    watched.set(directory, one);
    const isReady = await becomesReady(one.watch, clock, stopping.signal);
    if (isReady) one.since = clock.now();
    else if (!stopping.signal.aborted)
      fault(new Error(`${directory} is not watched after ${READY_WITHIN_MS / 1000} s`));
  };

  const close = (directory: string): void => {
    const one = watched.get(directory);
    watched.delete(directory);
    one?.watch.close().catch(fault);
  };

  const opening = openInTurn(open, fault, stopping.signal);

  return {
    has: (directory) => watched.has(directory),
    size: () => watched.size,
    since: (directory) => watched.get(directory)?.since,
    add: opening.add,
    keepOnly: (directories, beganMs) => {
      for (const [directory, { openedMs }] of watched)
        if (directory !== root && !directories.has(directory) && openedMs < beganMs) close(directory);
    },
    idle: opening.idle,
    stop: async () => {
      stopping.abort();
      await opening.idle();
      await Promise.all([...watched.values()].map(({ watch }) => watch.close()));
    },
  };
}

/** Whether a watch is ready within its time; false too when that is aborted. */
async function becomesReady(watch: DirectoryWatch, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const waited = new AbortController();
  const isReady = await Promise.race([
    watch.ready.then(() => true),
    clock.sleep(READY_WITHIN_MS, AbortSignal.any([waited.signal, signal])).then(() => false),
  ]);
  waited.abort();
  return isReady;
}

/** Opens what is added, the last first, one after the other: to open one is to look at all that is in it, hundreds of files at once. */
function openInTurn(
  open: (directory: string, hasAppeared: boolean) => Promise<void>,
  fault: (error: unknown) => void,
  signal: AbortSignal,
): Pick<WatchedDirectories, 'add' | 'idle'> {
  const toOpen: string[] = [];
  /** Which of these have just appeared. */
  const appeared = new Map<string, boolean>();
  let opening: Promise<void> | undefined;

  const openAll = async (): Promise<void> => {
    for (let next = toOpen.pop(); next !== undefined && !signal.aborted; next = toOpen.pop()) {
      const hasAppeared = appeared.get(next) === true;
      appeared.delete(next);
      try {
        await open(next, hasAppeared);
      } catch (err) {
        fault(err);
      }
    }
    opening = undefined;
  };

  return {
    add: (directories, haveAppeared) => {
      if (signal.aborted) return;
      for (const directory of directories.toReversed()) {
        if (!appeared.has(directory)) toOpen.push(directory);
        appeared.set(directory, haveAppeared || appeared.get(directory) === true);
      }
      if (toOpen.length > 0) opening ??= openAll();
    },
    idle: async () => {
      await opening;
    },
  };
}
