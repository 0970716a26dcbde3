import { resolvedPath, type Owner } from '../record/index.ts';
import type { MirrorSettings } from './settings.ts';
import { sourcesOf } from './sources.ts';

/** Whose the dates of a mirror are: `origin` is the id of the data directory. */
export async function ownerOf(
  mirror: Pick<MirrorSettings, 'name' | 'source' | 'sources'>,
  origin: string,
): Promise<Owner> {
  const paths = await Promise.all(
    sourcesOf(mirror).map(async ({ to, path }) => {
      const resolved = await resolvedPath(path);
      return to === '' ? resolved : `${to}=${resolved}`;
    }),
  );
  const source = { name: mirror.name, path: paths.toSorted().join(', ') };
  return { kind: 'mirror', origin, source, schedule: mirror.name };
}
