import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessGone } from '../../domain/faults.ts';
import { at, openDirectory, type Directory } from '../../platform/linux/index.ts';
import type { StoredMirror } from './catalogue.ts';
import { hashFile } from './hash.ts';
import { readManifest, readSummary } from './manifest.ts';
import { bytePath } from './walk.ts';
import type { IsRestored } from './places.ts';

/**
 * Knows what was brought back out of a mirror: a file whose SHA-256 a manifest gives for its path, be it that of a mirror or
 * the one that was brought back with it.
 */
export function restoredFrom(mirrors: readonly StoredMirror[], signal: AbortSignal): IsRestored {
  return async ({ directory }, path) => {
    const stats = await lstat(at(directory, path));
    const sha256 = await hashFile(Buffer.from(at(directory, path)), BigInt(stats.size), signal);
    if ((await notedIn(directory, path)) === sha256) return true;
    for (const mirror of mirrors) {
      if (mirror.verified && (await isNotedBy(mirror, path, { stats, sha256 }))) return true;
    }
    return false;
  };
}

async function isNotedBy(
  mirror: StoredMirror,
  path: string,
  { stats, sha256 }: { stats: Stats; sha256: string },
): Promise<boolean> {
  const there = await lstat(join(mirror.path, path)).catch(unlessGone);
  if (there?.isFile() !== true || there.size !== stats.size) return false;
  await using directory = await openDirectory(mirror.path);
  return (await notedIn(directory, path)) === sha256;
}

/** What the manifest in a directory gives for a file at its top. */
async function notedIn(directory: Directory, path: string): Promise<string | undefined> {
  if ((await readSummary(directory)) === undefined) return undefined;
  for await (const line of readManifest(directory)) {
    if (line.kind === 'file' && line.path === bytePath(path)) return line.sha256;
  }
  return undefined;
}
