import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { WavspoolError, unlessGone } from '../../domain/faults.ts';
import { at, mayBeChangedByOthers, openDirectory } from './directory.ts';
import { ledAstray } from './led-astray.ts';
import { wayTo } from './way-to.ts';

/** Another user, whose rights are enough for what is his. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

type Owned = Pick<Stats, 'uid' | 'gid'>;

/** What lies on the way to a file, as far as it decides who may work on it. */
export interface Way {
  /** The directories from `/` down to that of the file, or to the first that others may write; also those that links lead through. */
  readonly steps: readonly Pick<Stats, 'uid' | 'gid' | 'mode'>[];
  /** The file's directory, reached without following a link that others can have put there; undefined when there is such a link. */
  readonly directory: Owned | undefined;
  /** What has the file's name in that directory. */
  readonly file: Owned | undefined;
}

/**
 * As whom root works on the file at `path`, as the settings have it, whose last steps may be missing, and which may be a link: as
 * itself (undefined) where no other user can change what the path names, else as its owner. A process that is not root has nothing
 * to give away:
 * undefined. Throws PATH_UNSAFE where there is no such owner.
 */
export async function workerOf(path: string): Promise<User | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  const { steps, named } = wayTo(path);
  if (!steps.some(mayBeChangedByOthers)) return undefined;
  try {
    return chooseWorker(path, { steps, ...(await ownersAt(named)) });
  } catch (error) {
    throw ledAstray(error, `others change ${path} while it is looked at`);
  }
}

/** Whether this is root, and others may change what the path of a directory names. */
export function isExposed(directory: string): boolean {
  return process.geteuid?.() === 0 && wayTo(directory).steps.some(mayBeChangedByOthers);
}

/** The decision of {@link workerOf}. */
export function chooseWorker(path: string, { steps, directory, file }: Way): User | undefined {
  const others = steps.filter(mayBeChangedByOthers);
  if (others.length === 0) return undefined;
  if (directory === undefined) {
    // through a link of another user's: with that user's rights, it leads nowhere that the user could not go
    const [first] = others;
    if (first !== undefined && first.uid !== 0) return { uid: first.uid, gid: first.gid };
  } else if (directory.uid !== 0) {
    return { uid: directory.uid, gid: file?.uid === directory.uid ? file.gid : directory.gid };
  } else if (file !== undefined && file.uid !== 0) {
    return { uid: file.uid, gid: file.gid };
  }
  throw new WavspoolError(
    'PATH_UNSAFE',
    `${path} is root's, and lies where others may put something else in its place`,
  );
}

/** Of a path from which the links that root has put are taken out: where one leads out of root's directories, its end counts. */
async function ownersAt(path: string): Promise<Pick<Way, 'directory' | 'file'>> {
  for (
    let [below, name] = [dirname(path), basename(path)];
    ;
    [below, name] = [dirname(below), basename(below)]
  ) {
    try {
      await using directory = await openDirectory(below);
      const owners = { directory: await directory.handle.stat() };
      const isItself = below === dirname(path);
      return { ...owners, file: isItself ? await lstat(at(directory, name)).catch(unlessGone) : undefined };
    } catch (error) {
      if (error instanceof WavspoolError) return { directory: undefined, file: undefined };
      if (unlessGone(error) === undefined && below !== '/') continue;
      throw error;
    }
  }
}
