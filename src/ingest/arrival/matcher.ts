import picomatch from 'picomatch';
import type { Settings } from '../../platform/config/index.ts';

/**
 * What a name below the landing directory is. `marker`: the done marker of a tar. `service`: a file that hides and that no client
 * sent as a tar.
 */
export type NameKind = 'tar' | 'marker' | 'temporary' | 'service' | 'other';

/** What the settings say about names. Every path is relative to the landing directory, `/`-separated. */
export interface LandingNames {
  readonly isTar: (path: string) => boolean;
  readonly kindOf: (path: string) => NameKind;
  /** Whether tars may lie below that directory; above it they may. */
  readonly mayHoldTars: (directory: string) => boolean;
  /** Whether a client may have written that name on its way to a tar's: `.a.tar.Xy12`, `a.tar.part`. */
  readonly isOnItsWay: (path: string) => boolean;
}

type Matches = (path: string) => boolean;

/** Directories in which a system or a NAS keeps what is its own. */
const SERVICE_DIRECTORIES = ['@eaDir', 'lost+found'];
const MAY_BE_CLOSED = /(^|\/)\.|@eaDir|lost\+found/;
/** `.tar`, `.tar.gz`: what of a name may be in capitals. */
const SUFFIX = /(?:\.[A-Za-z0-9]+){1,2}$/;
const LAST_SUFFIX = /\.[A-Za-z0-9]+$/;

/**
 * Reads the patterns. Suffixes count in any letter case. Nothing below a directory whose name begins with a dot is a tar, nor
 * below those of {@link SERVICE_DIRECTORIES}, unless a pattern names it: rsync and NAS systems keep copies in them.
 */
export function landingNames(
  settings: Pick<Settings['arrival'], 'patterns' | 'temporary'> &
    Partial<Pick<Settings['arrival'], 'doneMarker'>>,
): LandingNames {
  const { patterns, temporary, doneMarker } = settings;
  const isTemporary = inAnyCase(temporary, (pattern) => matcher(pattern, true));
  const open = inAnyCase(patterns, (pattern) => matcher(pattern, true));
  const named = inAnyCase(patterns, (pattern) => {
    const matches = matcher(pattern, false);
    const segments = pattern.split('/');
    return (path) =>
      matches(path) && closedAbove(path).every((name) => name.startsWith('.') || segments.includes(name));
  });
  const isTar: Matches = (path) => {
    const takes = closedAbove(path).length > 0 ? named : open;
    return takes(path) && !isTemporary(path);
  };
  const isMarker: Matches = (path) =>
    doneMarker !== undefined && path.endsWith(doneMarker) && isTar(path.slice(0, -doneMarker.length));
  const isOnItsWay: Matches = (path) => {
    const at = path.lastIndexOf('/') + 1;
    let name = path.slice(at).replace(/^\.+~?/, '');
    for (; name !== ''; name = name.slice(0, Math.max(name.lastIndexOf('.'), 0)))
      if (open(path.slice(0, at) + name)) return true;
    return false;
  };
  return {
    isTar,
    isOnItsWay,
    kindOf: (path) => {
      if (isTar(path)) return 'tar';
      if (isMarker(path)) return 'marker';
      const hides = path.startsWith('.', path.lastIndexOf('/') + 1);
      if (hides && !isOnItsWay(path)) return 'service';
      return isTemporary(path) ? 'temporary' : 'other';
    },
    mayHoldTars: (directory) => {
      const name = directory.slice(directory.lastIndexOf('/') + 1);
      if (!isClosed(name)) return true;
      return patterns.some((pattern) =>
        name.startsWith('.') ? /(^|[/{,(|])\./.test(pattern) : pattern.split('/').includes(name),
      );
    },
  };
}

/** Says of a path relative to the landing directory (`/`-separated) whether it is a tar under its final name. */
export function tarMatcher(settings: Pick<Settings['arrival'], 'patterns' | 'temporary'>): Matches {
  return landingNames(settings).isTar;
}

/** The names among the directories of a path that keep others' tars out. */
function closedAbove(path: string): readonly string[] {
  if (!MAY_BE_CLOSED.test(path)) return []; // asked of every file in each rescan
  return path.split('/').slice(0, -1).filter(isClosed);
}

function isClosed(name: string): boolean {
  return name.startsWith('.') || SERVICE_DIRECTORIES.includes(name);
}

function matcher(pattern: string, dot: boolean): Matches {
  // without the flag a dot matches no line end, which names may hold
  return picomatch(pattern, { dot, flags: 's' });
}

/** Matches a path if one of the patterns does, its suffix and theirs in any letter case. */
function inAnyCase(patterns: readonly string[], compile: (pattern: string) => Matches): Matches {
  const asWritten = patterns.map(compile);
  const small = patterns.map((pattern) => lower(pattern, SUFFIX));
  const lowered = [...patterns, ...small].map(compile);
  const hasCapitals = small.some((pattern, i) => pattern !== patterns[i]);
  return (path) => {
    if (asWritten.some((matches) => matches(path))) return true;
    const last = lower(path, LAST_SUFFIX);
    const both = lower(path, SUFFIX);
    return (hasCapitals || both !== path) && lowered.some((matches) => matches(last) || matches(both));
  };
}

function lower(text: string, suffix: RegExp): string {
  return text.replace(suffix, (found) => found.toLowerCase());
}
