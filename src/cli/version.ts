import { readFileSync } from 'node:fs';
import { errnoOf } from '../domain/faults.ts';
import { SCHEMA_VERSION } from '../platform/state/index.ts';

const TOP = new URL('../../', import.meta.url);

/** What this wavspool is. */
export interface Version {
  readonly version: string;
  /** The commit that it was made from; null where neither a package nor a checkout says so. */
  readonly commit: string | null;
  readonly node: string;
  /** The schema of `state.db` that it writes. */
  readonly schema: number;
}

/** Read from the package: `REVISION` is written when an image or a package is made, a checkout has its commit in `.git`. */
export function versionOf(top: URL = TOP): Version {
  const { version } = JSON.parse(readFileSync(new URL('package.json', top), 'utf8')) as { version: string };
  return { version, commit: commitOf(top), node: process.version, schema: SCHEMA_VERSION };
}

function commitOf(top: URL): string | null {
  const told = textOf(new URL('REVISION', top));
  if (told !== undefined) return told;
  const head = textOf(new URL('.git/HEAD', top));
  const ref = /^ref: (.+)$/.exec(head ?? '')?.[1];
  if (ref === undefined) return head ?? null;
  const loose = textOf(new URL(`.git/${ref}`, top));
  const packed = textOf(new URL('.git/packed-refs', top))?.split('\n') ?? [];
  return loose ?? packed.find((line) => line.endsWith(` ${ref}`))?.split(' ')[0] ?? null;
}

/** undefined where there is none; in a worktree of git `.git` is a file. */
function textOf(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
