import type { DatabaseSettings } from '../../platform/config/index.ts';
import { listCopies, liveFiles, resolvedPath, type Owner, type StoredCopy } from '../record/index.ts';
import { fileNames } from '../retention/index.ts';
import type { ExportDeps, ExportSettings } from './deps.ts';

/** What the exports that lie in a directory are told by. */
export type ExportCatalogueDeps = Pick<ExportDeps, 'timezone' | 'origin' | 'databases'>;

/** Whose the exports of an entry are. */
export async function ownerOf(
  { origin }: Pick<ExportCatalogueDeps, 'origin'>,
  { name, path }: Pick<DatabaseSettings, 'name' | 'path'>,
  { name: schedule }: Pick<ExportSettings, 'name'>,
): Promise<Owner> {
  return { kind: 'export', origin, source: { name, path: await resolvedPath(path) }, schedule };
}

/** The exports that lie in the directory of an entry, newest first; each was loaded back before it got its name. */
export async function listExports(
  deps: ExportCatalogueDeps,
  database: Pick<DatabaseSettings, 'name' | 'path'>,
  entry: ExportSettings,
): Promise<readonly StoredCopy[]> {
  return listCopies({
    dir: entry.dir,
    owner: await ownerOf(deps, database, entry),
    names: fileNames(entry.file, deps.timezone, { name: database.name }),
    owners: deps.databases.flatMap(({ name, path, exports }) =>
      exports.map(({ name: schedule }) => ({ kind: 'export' as const, source: { name, path }, schedule })),
    ),
    live: await liveFiles(deps.databases.map(({ path }) => path)),
    isVerified: () => Promise.resolve(false),
  });
}
