import { WavspoolError, messageOf } from '../../domain/faults.ts';
import { openDirectory, seenBelow, type Directory } from '../../platform/linux/index.ts';
import type { MirrorSettings } from './settings.ts';
import { bytePath, type BytePath } from './walk.ts';

/** A directory that a mirror copies. */
export interface Source {
  /** The directory in the mirror that it goes to; empty for the mirror itself. */
  readonly to: string;
  readonly path: string;
}

/** A source, opened: it stays the directory it was, whatever its path comes to name. */
export interface OpenSource extends Source {
  readonly directory: Directory;
}

/** What a mirror copies, as its settings say it in one of two ways. */
export function sourcesOf({
  source,
  sources,
}: Pick<MirrorSettings, 'source' | 'sources'>): readonly Source[] {
  if (source !== undefined) return [{ to: '', path: source }];
  return Object.entries(sources ?? {}).map(([to, path]) => ({ to, path }));
}

/** Its sources, opened until the stack is disposed of. Throws MIRROR_SOURCE. */
export async function openSources(
  mirror: Pick<MirrorSettings, 'source' | 'sources'>,
  opened: AsyncDisposableStack,
): Promise<readonly OpenSource[]> {
  const all: OpenSource[] = [];
  for (const source of sourcesOf(mirror)) {
    try {
      all.push({ ...source, directory: opened.use(await openDirectory(source.path)) });
    } catch (error) {
      throw new WavspoolError('MIRROR_SOURCE', `${source.path} cannot be read: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
  return all;
}

/**
 * A mirror within its own source would hold all earlier ones, and double with every run: by path, through a bind mount or
 * through a link. Throws MIRROR_DIRECTORY.
 */
export async function refuseWithin(sources: readonly OpenSource[], dir: Directory): Promise<void> {
  for (const { path, directory } of sources) {
    const seen = await seenBelow(directory, dir);
    if (seen !== undefined)
      throw new WavspoolError(
        'MIRROR_DIRECTORY',
        `${dir.path} lies in ${path}${seen === dir.path ? '' : `, as ${seen}`}: the mirror would copy itself`,
      );
  }
}

/** What a file of the mirror is counted as: part of its source; undefined for the snapshot of a database. */
export function partsOf(
  sources: readonly Source[],
  snapshots: readonly { readonly to: string }[],
): (path: BytePath) => string | undefined {
  const notCounted = new Set(snapshots.map(({ to }) => bytePath(to)));
  const names = new Map(sources.map(({ to }) => [bytePath(to), partName({ to })]));
  return (path) =>
    notCounted.has(path) ? undefined : (names.get('') ?? names.get(path.split('/')[0] ?? ''));
}

/** What the files of a source are called where they are counted. */
export function partName({ to }: Pick<Source, 'to'>): string {
  return to === '' ? 'files' : `files of ${to}`;
}
