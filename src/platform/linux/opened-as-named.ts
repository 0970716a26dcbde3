import { chmodSync, closeSync, fstatSync, openSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { WavspoolError, errnoOf } from '../../domain/faults.ts';
import { O_PATH, mayBeChangedByOthers } from './directory.ts';
import { identityOf, type FileIdentity } from './file-identity.ts';
import { wayTo, type WayTo } from './way-to.ts';

// SQLite opens databases by their paths. Where others may change what a path names, root looks at the files that it has open then.

/** How often a file that goes while it is looked at is looked for again. */
const MOST_TRIES = 10;
const CHANGED = 'what it names was changed while it was opened';

/** An open file of this process. */
interface Descriptor {
  readonly identity: FileIdentity;
  /** As the kernel knows it. */
  readonly path: string;
}

/** What is opened by a path. */
export interface OpenedByPath {
  close(): void;
}

/**
 * Opens the file at `path` with `open`, and makes sure that root has got no file that the owner of a directory on the way has led
 * it to, and could not have opened himself. `realPath` says by which path it was opened, with the links in it resolved; what lies
 * beside that and begins with its name, as the log of a database, must lie beside the file. Throws PATH_UNSAFE, or what `open` throws.
 */
export function openedAsNamed<T extends OpenedByPath>(
  path: string,
  open: () => T,
  realPath: (opened: T) => string,
): T {
  if (process.geteuid?.() !== 0 || !wayTo(path).steps.some(mayBeChangedByOthers)) return open();
  const before = descriptors();
  const opened = open();
  try {
    requireAsNamed(path, basename(realPath(opened)), before);
    return opened;
  } catch (error) {
    opened.close();
    throw error;
  }
}

/**
 * Gives the file at `path` another mode, a link being followed; as root none that the owner of a directory on the way has led it to,
 * and could not have opened himself. False where nothing is. Closes no descriptor that could drop a lock: SQLite may have it open.
 * Throws PATH_UNSAFE, or what the system says.
 */
export function chmodAsNamed(path: string, mode: number): boolean {
  for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
    const fd = openOnly(path);
    if (fd === undefined) return false;
    try {
      if (process.geteuid?.() !== 0 || isAsNamed(path, fd)) {
        chmodSync(`/proc/self/fd/${fd}`, mode); // what was looked at, whatever has its name now
        return true;
      }
    } finally {
      closeSync(fd);
    }
  }
  throw unsafe(path, CHANGED);
}

/** A descriptor that only names the file; undefined where nothing is. */
function openOnly(path: string): number | undefined {
  try {
    return openSync(path, O_PATH);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** False where the path leads elsewhere by now, as that of a log does when another program has just removed it with its last close. */
function isAsNamed(path: string, fd: number): boolean {
  const way = wayTo(path);
  if (way.file?.identity !== identityOf(fstatSync(fd, { bigint: true }))) return false;
  const reason = whyStrange(way);
  if (reason !== undefined) throw unsafe(path, reason);
  return true;
}

function requireAsNamed(path: string, name: string, before: ReadonlyMap<string, Descriptor>): void {
  const way = wayTo(path);
  const reason = whyStrange(way);
  if (reason !== undefined) throw unsafe(path, reason);
  const now = descriptors();
  const own = [...now.values()].find(({ identity }) => identity === way.file?.identity);
  // SQLite may go on with a descriptor of the same file that it had before; what is new and has the name must be it then, too
  const fresh = [...now].filter(([fd, { identity }]) => before.get(fd)?.identity !== identity);
  const named = fresh.map(([, one]) => one).filter((one) => basename(one.path).startsWith(name));
  const isIt = own !== undefined && named.every((one) => dirname(one.path) === dirname(own.path));
  if (!isIt || named.some((one) => basename(one.path) === name && one.identity !== own.identity))
    throw unsafe(path, CHANGED);
}

/** Why what a path leads to may be no file of those who can change the path; undefined when it is one. */
export function whyStrange({
  steps,
  hasOthersLink,
  file,
}: Pick<WayTo, 'steps' | 'hasOthersLink' | 'file'>): string | undefined {
  const owner = steps.find(mayBeChangedByOthers)?.uid;
  if (owner === undefined) return undefined;
  if (file === undefined) return 'it is gone';
  if (file.uid === owner && owner !== 0) return undefined;
  if (hasOthersLink) return 'a link that others may change leads to it, and it is not theirs';
  return file.names > 1
    ? 'it has a second name, and others may have given it the one that is named'
    : undefined;
}

function unsafe(path: string, reason: string): WavspoolError {
  return new WavspoolError('PATH_UNSAFE', `${path} is not opened as root: ${reason}`);
}

function descriptors(): ReadonlyMap<string, Descriptor> {
  const found = new Map<string, Descriptor>();
  for (const fd of readdirSync('/proc/self/fd')) {
    const link = `/proc/self/fd/${fd}`;
    try {
      found.set(fd, { identity: identityOf(statSync(link, { bigint: true })), path: readlinkSync(link) });
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error; // closed since
    }
  }
  return found;
}
