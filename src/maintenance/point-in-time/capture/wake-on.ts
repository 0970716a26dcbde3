import { watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Looks at a directory for the moment in which a database in it is opened again. */
export interface Wake {
  /** Aborts as soon as something of the database appears or goes; a new one afterwards. */
  readonly signal: () => AbortSignal;
  readonly close: () => void;
}

/** Only quicker than looking now and then: where the kernel cannot watch, nothing else changes. */
export function wakeOn(path: string): Wake {
  const name = basename(path);
  let waking = new AbortController();
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(dirname(path), { persistent: false }, (_event, changed) => {
      if (changed === null || changed.startsWith(name)) waking.abort();
    });
    watcher.on('error', () => watcher?.close()); // no more watches, or the directory is gone: the looks go on
  } catch {
    // none to be had (inotify's limit): the looks go on
  }
  return {
    signal: () => {
      if (waking.signal.aborted) waking = new AbortController();
      return waking.signal;
    },
    close: () => watcher?.close(),
  };
}
