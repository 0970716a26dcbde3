import { closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { errnoOf } from '../../domain/faults.ts';
import { O_PATH } from './directory.ts';
import { isWithin } from '../runtime/index.ts';
import { parseMounts, realMount } from './mounts.ts';

/** Where a directory lies: on which mounted file system, and where in it. */
export interface Place {
  /** Where the file system is mounted. */
  readonly point: string;
  readonly type: string;
  /** The device or the share. */
  readonly source: string;
  /** Its path in the file system, wherever that is mounted. */
  readonly inside: string;
}

/**
 * Where `path` lies, or would lie if it were made, links resolved. Undefined where the kernel does not tell. Throws what the system
 * says of the way there.
 */
export function placeOf(path: string): Place | undefined {
  const { descriptor, missing } = openNearest(path);
  try {
    const info = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1');
    const id = /^mnt_id:\s*(\d+)$/m.exec(info)?.[1];
    const mounts = parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
    const mount = mounts.find((one) => one.id === id);
    if (mount === undefined) return undefined;
    const { point, type, source, root } = realMount(mounts, mount);
    const real = join(readlinkSync(`/proc/self/fd/${descriptor}`), missing);
    return { point, type, source, inside: join(root, relative(point, real)) };
  } finally {
    closeSync(descriptor);
  }
}

/** The directory, or the nearest above it that is there. */
function openNearest(path: string): { readonly descriptor: number; readonly missing: string } {
  let missing = '';
  for (let here = path; ; here = dirname(here)) {
    try {
      // the dot has an automount done; to name a place takes no right to read it
      // oxlint-disable-next-line no-bitwise -- flags of open(2)
      return { descriptor: openSync(`${here}/.`, O_PATH | constants.O_DIRECTORY), missing };
    } catch (error) {
      if (here === dirname(here) || (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR'))
        throw error;
      missing = join(basename(here), missing);
    }
  }
}

/**
 * What a directory's place says in the light of where it was. `gone`: its file system is not mounted any more, and what is seen lies
 * beneath. `other`: it lies elsewhere, as after a disk was mounted over it.
 */
export type Moved = 'no' | 'gone' | 'other';

/** The same part of one file system is the same place, however it is mounted; another disk at the same mount point is, too. */
export function hasMoved(known: Place, found: Place): Moved {
  if (found.point === known.point) return 'no';
  const isSame = found.type === known.type && found.source === known.source && found.inside === known.inside;
  if (isSame) return 'no';
  return isWithin(found.point, known.point) ? 'gone' : 'other';
}
