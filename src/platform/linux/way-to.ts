import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import { WavspoolError } from '../../domain/faults.ts';
import { MOST_LINKS, O_PATH, mayBeChangedByOthers, partsOf } from './directory.ts';
import { identityOf, type FileIdentity } from './file-identity.ts';
import { ledAstray } from './led-astray.ts';

/** What lies on the way to a file. */
export interface WayTo {
  /** The directories that it leads through, through links too: from `/` to the first that others may write, else to the file's. */
  readonly steps: readonly Stats[];
  /** The path without the links that root or this user has put. From a directory that others may write on it is as it was given. */
  readonly named: string;
  /** Whether it goes on through a link behind the first directory that others may write. */
  readonly hasOthersLink: boolean;
  /** What it leads to; undefined where nothing is. */
  readonly file: Found | undefined;
}

/** A file, and what tells whose it is. */
export interface Found {
  readonly identity: FileIdentity;
  readonly uid: number;
  /** How many names it has. */
  readonly names: number;
}

/** How far a walk has come. */
interface Walk {
  readonly path: string;
  /** A descriptor that only names the directory. */
  here: number;
  /** Names that were looked up, and those that are still to be. */
  behind: string[];
  ahead: string[];
  readonly steps: Stats[];
  named: string | undefined;
  links: number;
  hasOthersLink: boolean;
}

/**
 * Where a path leads, step by step, each looked up in the one before it. It does not wait: SQLite asks in the middle of its work.
 * Throws PATH_UNSAFE for links without end, and what the system says.
 */
export function wayTo(path: string): WayTo {
  const ahead = partsOf(resolve(path));
  const here = openSync('/', O_PATH);
  const walk: Walk = {
    path,
    here,
    behind: [],
    ahead,
    steps: [],
    named: undefined,
    links: 0,
    hasOthersLink: false,
  };
  try {
    note(walk);
    const file = toTheEnd(walk);
    const named = walk.named ?? pathOf([...walk.behind, ...walk.ahead]);
    return { steps: walk.steps, named, hasOthersLink: walk.hasOthersLink, file };
  } catch (error) {
    throw walk.named === undefined ? error : ledAstray(error, `others change ${path} while it is looked at`);
  } finally {
    closeSync(walk.here);
  }
}

/** The file; undefined where the way ends before it. */
function toTheEnd(walk: Walk): Found | undefined {
  for (let name = walk.ahead.shift(); name !== undefined; name = walk.ahead.shift()) {
    const next = `/proc/self/fd/${walk.here}/${name}`;
    const stats = lstatSync(next, { throwIfNoEntry: false, bigint: true });
    if (stats?.isSymbolicLink() === true) follow(walk, next);
    else if (stats?.isDirectory() === true) enter(walk, next, name);
    else {
      walk.behind.push(name);
      if (stats === undefined || walk.ahead.length > 0) return undefined;
      return { identity: identityOf(stats), uid: Number(stats.uid), names: Number(stats.nlink) };
    }
  }
  return undefined;
}

function follow(walk: Walk, link: string): void {
  walk.links += 1;
  if (walk.links > MOST_LINKS)
    throw new WavspoolError('PATH_UNSAFE', `${walk.path} goes through too many links`);
  if (walk.named !== undefined) walk.hasOthersLink = true;
  const target = readlinkSync(link);
  walk.ahead = [...partsOf(target), ...walk.ahead];
  if (!target.startsWith('/')) return;
  walk.behind = [];
  goTo(walk, '/');
}

function enter(walk: Walk, next: string, name: string): void {
  if (name === '..') walk.behind.pop();
  else walk.behind.push(name);
  goTo(walk, next);
}

function goTo(walk: Walk, directory: string): void {
  const { O_DIRECTORY, O_NOFOLLOW } = constants;
  // oxlint-disable-next-line no-bitwise -- flags of open(2)
  const there = openSync(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  closeSync(walk.here);
  walk.here = there;
  note(walk);
}

/** The first directory that others may write decides: what lies behind it is what they make it. */
function note(walk: Walk): void {
  if (walk.named !== undefined) return;
  const stats = fstatSync(walk.here);
  walk.steps.push(stats);
  if (mayBeChangedByOthers(stats)) walk.named = pathOf([...walk.behind, ...walk.ahead]);
}

function pathOf(parts: readonly string[]): string {
  return `/${parts.join('/')}`;
}
