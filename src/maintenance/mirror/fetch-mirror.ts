import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { lstat, lutimes, mkdir, open, rename, symlink, chmod, lchown } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { WavspoolError, unlessGone } from '../../domain/faults.ts';
import {
  at as inDirectory,
  openBelow,
  openDirectory,
  removeIn,
  syncedIn,
  type Directory,
} from '../../platform/linux/index.ts';
import { temporaryPath } from '../../platform/runtime/index.ts';
import { HASHED_AT_ONCE } from './hash.ts';
import { inOrder } from './in-order.ts';
import { listOffsiteMirrors, prefixOf, type Offsite, type OffsiteDeps } from './offsite-catalogue.ts';
import { bytesOf, contentKey, entriesFrom, type TreeEntry } from './offsite-tree.ts';

export interface FetchedMirror {
  readonly path: string;
  /** The date that was fetched. */
  readonly name: string;
  /** When it was made, ms since 1970. */
  readonly at: number;
  readonly files: number;
  readonly bytes: number;
}

/**
 * Brings a date back from the bucket into the new directory `to`: the newest, or the newest whose name begins with `date`. Each file
 * is read against its SHA-256, and the directory gets its name only when everything is in it. Owners are brought back by root only.
 * Throws USAGE when there is no such date or `to` is there already, MIRROR_FAILED for what is damaged, store faults.
 */
export async function fetchMirror(
  deps: OffsiteDeps,
  mirror: Offsite,
  { date, to }: { readonly date?: string | undefined; readonly to: string },
  signal: AbortSignal,
): Promise<FetchedMirror> {
  const prefix = prefixOf(mirror);
  if (prefix === undefined) throw new WavspoolError('USAGE', `mirror ${mirror.name} has no "offsite"`);
  const all = await listOffsiteMirrors(deps, mirror, signal);
  const chosen = all.find(({ name, verified }) => verified && (date === undefined || name.startsWith(date)));
  if (chosen === undefined) {
    const there =
      all.length === 0 ? 'there are none' : `there are: ${all.map(({ name }) => name).join(', ')}`;
    throw new WavspoolError('USAGE', `no date ${date ?? ''} of ${mirror.name} in the bucket; ${there}`);
  }
  await using parent = await openDirectory(dirname(to));
  if ((await lstat(inDirectory(parent, basename(to))).catch(unlessGone)) !== undefined)
    throw new WavspoolError('USAGE', `${to} is there already: name a directory that is not`);
  const scratch = basename(temporaryPath(parent.path));
  try {
    await mkdir(inDirectory(parent, scratch), { mode: 0o700 });
    await using tree = await openBelow(parent, scratch);
    const entries = await Array.fromAsync(
      entriesFrom(await deps.store.get(chosen.key, signal), chosen.key, chosen.sha256),
    );
    const sums = await lay(deps, { tree, prefix, entries }, signal);
    await tree.handle.chmod(0o755);
    await rename(inDirectory(parent, scratch), inDirectory(parent, basename(to)));
    await syncedIn(parent);
    return { path: to, name: chosen.name, at: chosen.at, ...sums };
  } finally {
    await removeIn(parent, scratch);
  }
}

interface Laying {
  readonly tree: Directory;
  readonly prefix: string;
  readonly entries: readonly TreeEntry[];
}

/** Directories come before what lies in them, so they are made on the way; their attributes are given last, the deepest first. */
async function lay(
  { store }: OffsiteDeps,
  { tree, prefix, entries }: Laying,
  signal: AbortSignal,
): Promise<{ files: number; bytes: number }> {
  const sums = { files: 0, bytes: 0 };
  const root = Buffer.from(`/proc/self/fd/${tree.fd}/`);
  const pathOf = (entry: TreeEntry): Buffer => Buffer.concat([root, bytesOf(entry)]);
  for (const entry of entries) if (entry.type === 'directory') await mkdir(pathOf(entry), { mode: 0o700 });
  const laid = inOrder(each(entries), HASHED_AT_ONCE, async (entry) => {
    signal.throwIfAborted();
    const path = pathOf(entry);
    if (entry.type === 'file') {
      const key = contentKey(prefix, entry.sha256);
      await writeFile(path, await store.get(key, signal), key, entry.sha256);
      sums.files += 1;
      sums.bytes += entry.size;
    } else if (entry.type === 'symlink') await symlink(Buffer.from(entry.target, 'base64'), path);
    if (entry.type !== 'directory') await giveAttributes(path, entry);
  });
  await Array.fromAsync(laid);
  for (const entry of entries.toReversed())
    if (entry.type === 'directory') await giveAttributes(pathOf(entry), entry);
  return sums;
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function writeFile(
  path: Buffer,
  content: AsyncIterable<Uint8Array>,
  key: string,
  sha256: string,
): Promise<void> {
  const hash = createHash('sha256');
  await using file = await open(path, 'wx', 0o600);
  for await (const chunk of content) {
    hash.update(chunk);
    await file.writeFile(chunk); // at the present position, and whole
  }
  if (hash.digest('hex') !== sha256)
    throw new WavspoolError('MIRROR_FAILED', `${key} is damaged: its SHA-256 is another one`);
  await file.sync();
}

async function giveAttributes(path: Buffer, { type, mode, uid, gid, mtimeNs }: TreeEntry): Promise<void> {
  if (process.geteuid?.() === 0) await lchown(path, uid, gid);
  if (type !== 'symlink') await chmod(path, mode);
  const seconds = Number(mtimeNs) / 1e9;
  await lutimes(path, seconds, seconds);
}
