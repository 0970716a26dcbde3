import { dirname } from 'node:path';
import { watch } from 'chokidar';

export interface DirectoryWatch {
  /** Resolves when all that happens from now on is told. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

interface Told {
  /** Whether a file is worth being told of; a directory always is. */
  readonly isWanted: (path: string) => boolean;
  /** A file has appeared or changed. */
  readonly file: (path: string) => void;
  /** A directory has appeared in this one; or this one has, after it was gone: then another watch has to take this one's place. */
  readonly directory: (path: string) => void;
  readonly fault: (error: unknown) => void;
}

interface How {
  /** What is in it already is told as well. */
  readonly isNew: boolean;
  /** The directory may be a symbolic link to one. */
  readonly mayBeLink: boolean;
}

/**
 * Watches one directory, not what is below those in it. A watch for each directory, because chokidar would look at all files of
 * a tree at once, which takes a kilobyte for each.
 */
export function watchDirectory(directory: string, { isNew, mayBeLink }: How, told: Told): DirectoryWatch {
  const watcher = watch(directory, {
    depth: 0,
    ignoreInitial: !isNew,
    atomic: false,
    followSymlinks: mayBeLink,
    // a directory that is ignored would never be told of, whatever lies in it
    ignored: (path, stats) => stats?.isFile() === true && !told.isWanted(path),
  });
  let wasGone = false;
  watcher.on('add', told.file);
  watcher.on('change', told.file);
  watcher.on('unlinkDir', (path) => {
    wasGone ||= path === directory;
  });
  watcher.on('addDir', (path) => {
    // of one that is back chokidar tells, but not of what is in it
    if (dirname(path) === directory || (path === directory && wasGone)) told.directory(path);
  });
  watcher.on('error', told.fault);
  const ready = new Promise<void>((resolve) => {
    watcher.on('ready', resolve);
  });
  return { ready, close: () => watcher.close() };
}
