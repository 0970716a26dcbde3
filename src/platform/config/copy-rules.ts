import { basename, dirname } from 'node:path';
import { STATE_DATABASE } from './effective-databases.ts';
import type { BrokenRule, Sound } from './broken-rule.ts';

const STORED_AS: Readonly<Record<string, string>> = { '.gz': 'gzip', '.zst': 'zstd' };
const SUFFIXES: Readonly<Record<string, string>> = { none: '', gzip: '.gz', zstd: '.zst' };
const OF_A_DATABASE = ['', '-wal', '-shm', '-journal'];
/** What a placeholder of a file name can stand for. */
const STANDS_FOR: Readonly<Record<string, string>> = {
  '{YYYYMMDD}': String.raw`\d{8}`,
  '{YYYY-MM-DD}': String.raw`\d{4}-\d\d-\d\d`,
  '{YYYY-MM-DD-HH-mm-ss}': String.raw`\d{4}(?:-\d\d){5}`,
  '{HHmmss}': String.raw`\d{6}`,
  '{label}': String.raw`[\p{L}\p{N}._-]+`,
};

/** What is wrong with where snapshots and exports go, and what they are called there. */
export function copyRules({ databases = [], paths }: Sound): BrokenRule[] {
  const live = [...databases.map(({ path }) => path), ...(paths === undefined ? [] : [paths.state])];
  const written = new Set<string>();
  const modes = new Map<string, string>();
  return databases.flatMap((database, index) => {
    const isState = database.name === STATE_DATABASE || database.path === paths?.state;
    const copies: readonly Copy[] = [
      ...database.snapshots.map((copy, at) => ({ ...copy, path: ['databases', index, 'snapshots', at] })),
      ...database.exports.map((copy, at) => ({ ...copy, path: ['databases', index, 'exports', at] })),
    ];
    return copies.flatMap((copy) => {
      // records tell whose a copy is; but of two that always have one name, the one that is looked for is not found
      const target = `${copy.dir}/${copy.file.replaceAll('{name}', database.name)}`;
      const isTaken = written.has(target);
      written.add(target);
      const otherMode = copy.dirMode === undefined ? undefined : modes.get(copy.dir);
      if (copy.dirMode !== undefined && otherMode === undefined) modes.set(copy.dir, copy.dirMode);
      const isContrary = otherMode !== undefined && otherMode !== copy.dirMode;
      return [
        ...ownRules(copy, isState),
        ...nameRules(copy, database.name, live),
        ...(isTaken ? [broken(copy, 'file', 'another schedule writes the same file in the same dir')] : []),
        // each run of the one would undo what the other has brought the directory to
        ...(isContrary ? [broken(copy, 'dirMode', `another schedule of this dir has ${otherMode}`)] : []),
      ];
    });
  });
}

interface Copy {
  readonly path: BrokenRule['path'];
  readonly dir: string;
  readonly file: string;
  readonly compress: string;
  readonly mode?: string;
  readonly dirMode?: string | undefined;
}

function broken(copy: Copy, key: string, problem: string): BrokenRule {
  return { path: [...copy.path, key], problem };
}

function ownRules(copy: Copy, isState: boolean): BrokenRule[] {
  const { file, compress, mode } = copy;
  const stored = STORED_AS[/\.(?:gz|zst)$/.exec(file)?.[0] ?? ''] ?? compress;
  const rules: readonly (readonly [boolean, string, string])[] = [
    [stored !== compress, 'file', `its name says ${stored}, and compress is ${compress}`],
    [isState && mode?.endsWith('00') === false, 'mode', 'must be 0600: copies of state.db are private'],
  ];
  return rules.filter(([isBroken]) => isBroken).map(([, key, problem]) => broken(copy, key, problem));
}

function nameRules(copy: Copy, name: string, live: readonly string[]): BrokenRule[] {
  const taken = live.find((path) => canBeNamed(copy, name, path));
  return taken === undefined ? [] : [broken(copy, 'file', `can be the name of the live database ${taken}`)];
}

/** Whether a copy can get the name of a database, or of a file that SQLite keeps beside it. */
function canBeNamed(
  { dir, file, compress }: { readonly dir: string; readonly file: string; readonly compress: string },
  name: string,
  path: string,
): boolean {
  if (dirname(path) !== dir.replace(/(?<=.)\/+$/, '')) return false;
  const suffix = SUFFIXES[compress] ?? '';
  const stored = file.endsWith(suffix) ? file : file + suffix;
  const parts = stored.replaceAll('{name}', name).split(/(\{[^}]*\})/);
  const names = new RegExp(`^${parts.map((part) => STANDS_FOR[part] ?? RegExp.escape(part)).join('')}$`, 'u');
  return OF_A_DATABASE.some((end) => names.test(basename(path) + end));
}
