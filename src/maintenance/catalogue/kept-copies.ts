import { basename } from 'node:path';
import { KEPT, listKept, pruneKept, type Kept } from '../restore/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import type { JudgedBackup, SnapshotBackup } from './backup.ts';
import type { Maintenance } from './maintenance.ts';

/** The name under which lists show what restores kept of the databases that they replaced. */
const BEFORE_RESTORE = 'before restore';

/** What restores have kept of these databases. Throws STATE_UNUSABLE. */
export async function keptBackups(
  maintenance: Pick<Maintenance, 'dataDirectory'>,
  databases: readonly string[],
): Promise<readonly SnapshotBackup[]> {
  const lists = await Promise.all(
    databases.map(async (database) =>
      (await listKept(maintenance.dataDirectory, database)).map((kept) => asBackup(database, kept)),
    ),
  );
  return lists.flat();
}

/** The newest stay, the others go; with `dryRun` nothing does. */
export async function pruneKeptBackups(
  maintenance: Pick<Maintenance, 'dataDirectory'>,
  database: string,
  dryRun: boolean,
): Promise<readonly JudgedBackup[]> {
  const all = await listKept(maintenance.dataDirectory, database);
  const going = new Set(
    (await pruneKept(maintenance.dataDirectory, database, { dryRun })).map(({ path }) => path),
  );
  return all.map((kept) => {
    const keep = !going.has(kept.path);
    const reason = keep ? `one of the ${KEPT} newest that restores kept` : `older than the ${KEPT} newest`;
    return { ...asBackup(database, kept), keep, reasons: [reason] };
  });
}

/** Not verified: it is what was there, sound or not. */
function asBackup(database: string, { path, at, bytes }: Kept): SnapshotBackup {
  return {
    kind: 'snapshot',
    database,
    schedule: BEFORE_RESTORE,
    where: 'local',
    path,
    name: basename(path),
    at: isoTime(at),
    bytes,
    verified: false,
  };
}
