import { mkdir } from 'node:fs/promises';
import { errnoOf } from '../../domain/faults.ts';
import { at, openBelow, type Directory } from '../../platform/linux/index.ts';
import { runRsync, type Copied } from './rsync.ts';
import type { OpenSource } from './sources.ts';

/** What is copied to where. */
interface Copying {
  readonly sources: readonly OpenSource[];
  /** The mirror that is being made. */
  readonly tree: Directory;
  readonly previous: Directory | undefined;
  readonly checksum: boolean;
  readonly exclude: readonly string[];
  readonly leftOut: ReadonlyMap<string, readonly string[]>;
}

/** Copies each source to its place in the mirror. Throws as rsync's run does, or what the system says. */
export async function copySources(
  { sources, tree, previous, checksum, exclude, leftOut }: Copying,
  signal: AbortSignal,
): Promise<Copied> {
  const notes: string[] = [];
  const tooLong: string[] = [];
  for (const { to, directory: source } of sources) {
    await using opened = new AsyncDisposableStack();
    const target = to === '' ? tree : opened.use(await madeBelow(tree, to));
    const linkTo = previous && (await placeIn(previous, to, opened));
    const job = { source, target, linkTo, checksum, exclude, leftOut: leftOut.get(to) ?? [] };
    const copied = await runRsync(job, signal);
    for (const note of copied.notes) notes.push(note);
    for (const path of copied.tooLong) tooLong.push(path);
    // it has the source's mode now, which may forbid even its owner to put the manifest in
    if (to === '') await tree.handle.chmod((await tree.handle.stat()).mode | 0o700);
  }
  return { notes, tooLong };
}

async function madeBelow(tree: Directory, name: string): Promise<Directory> {
  try {
    await mkdir(at(tree, name), { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error; // a snapshot is in it already
  }
  return openBelow(tree, name);
}

/** Where the mirror before has this source: a mirror that had only this one has it at its top. */
async function placeIn(previous: Directory, to: string, opened: AsyncDisposableStack): Promise<Directory> {
  if (to === '') return previous;
  try {
    return opened.use(await openBelow(previous, to));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return previous;
    throw error;
  }
}
