import { relative } from 'node:path';
import { watch } from 'chokidar';
import type { ArrivalDeps } from './deps.ts';
import { lookAt } from './look.ts';
import { tarMatcher } from './matcher.ts';
import type { Tracker } from './tracker.ts';

/** One directory without a watch is one error; a landing directory can have thousands of them. */
const REPORT_AGAIN_MS = 30_000;

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC:
    'raise fs.inotify.max_user_watches: one is needed per directory; until then the rescan finds the tars',
  EMFILE:
    'raise fs.inotify.max_user_instances or the limit of open files; until then the rescan finds the tars',
  EACCES: 'let wavspool read the named directory',
};
const ANY_REMEDY = 'none needed: the rescan finds what events missed; look into it if it lasts';

export interface Watch {
  /** When all directories were watched, ms since 1970; undefined before. */
  since(): number | undefined;
  stop(): Promise<void>;
}

/**
 * Watches the landing directory and has the tracker observe what changes. Events are only hints, so errors are reported
 * and never thrown; `rescanSoon` is called after each and when the watcher is ready, for what came before.
 */
export function watchArrivals(deps: ArrivalDeps, tracker: Tracker, rescanSoon: () => void): Watch {
  const { clock, incoming, report } = deps;
  const marker = deps.settings.doneMarker;
  const isTar = tarMatcher(deps.settings);
  const lastReports = new Map<string, number>();
  let since: number | undefined;

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

  const watcher = watch(incoming, {
    ignoreInitial: true,
    atomic: false,
    followSymlinks: false,
    // a directory that is ignored would never be looked into, whatever lies in it
    ignored: (path, stats) => stats?.isFile() === true && tarOf(path) === undefined,
  });
  watcher.on('add', (path) => void observe(path));
  watcher.on('change', (path) => void observe(path));
  watcher.on('error', fault);
  watcher.on('ready', () => {
    since = clock.now();
    const directories = Object.keys(watcher.getWatched()).filter((path) => path.startsWith(incoming)).length;
    report('watching', { incoming, directories });
    rescanSoon();
  });

  return { since: () => since, stop: () => watcher.close() };
}
