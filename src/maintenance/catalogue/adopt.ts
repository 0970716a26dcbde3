import { WavspoolError } from '../../domain/faults.ts';
import { adoptExports } from '../export/index.ts';
import { adoptMirrors, mirrorOwner } from '../mirror/index.ts';
import { confirmCopies, resolvedPath } from '../record/index.ts';
import { runJob } from '../../platform/jobs/index.ts';
import { adoptSnapshots, databaseNamed, type Adoption } from '../snapshot/index.ts';
import type { Maintenance } from './maintenance.ts';

/** So long a command waits until a run of the same database is over. */
const PATIENCE_MS = 10 * 60_000;

export interface AdoptRequest {
  /** The name of a database or a mirror. */
  readonly database: string;
  /** Absent: all of its schedules, snapshots and exports. */
  readonly schedule?: string | undefined;
  readonly dryRun: boolean;
}

/** Takes over what older wavspools and scripts left of a database's or a mirror's copies. Throws USAGE for a name that is none. */
export async function adoptBackups(
  maintenance: Maintenance,
  { database: name, schedule, dryRun }: AdoptRequest,
  signal: AbortSignal,
): Promise<readonly Adoption[]> {
  const mirror = maintenance.settings.mirrors.find((one) => one.name === name);
  const dates = mirror === undefined ? [] : await adoptDates(maintenance, mirror, dryRun, signal);
  if (mirror !== undefined && maintenance.databases.every((one) => one.name !== name)) return dates;
  const database = databaseNamed(maintenance.databases, name);
  const isMeant = (one: { readonly name: string }): boolean =>
    schedule === undefined || one.name === schedule;
  const snapshots = database.snapshots.filter(isMeant);
  const entries = database.exports.filter(isMeant);
  if (snapshots.length + entries.length === 0) {
    const known = [...database.snapshots, ...database.exports].map((one) => one.name).join(', ');
    throw new WavspoolError(
      'USAGE',
      `${name} has no schedule ${JSON.stringify(schedule)}; there are: ${known}`,
    );
  }
  const how = { dryRun, isNamed: schedule !== undefined };
  const adoptions: Adoption[] = [...dates];
  const adopt = async (): Promise<{ adopted: number }> => {
    for (const one of snapshots)
      adoptions.push(...(await adoptSnapshots(maintenance, database, one, how, signal)));
    for (const one of entries)
      adoptions.push(...(await adoptExports(maintenance, database, one, how, signal)));
    return { adopted: adoptions.filter(({ adopted }) => adopted).length };
  };
  const job = { id: `adopt ${name}`, lock: `snapshot ${name}`, run: adopt };
  if (dryRun) await adopt();
  else await runJob(maintenance, job, { by: 'hand', patienceMs: PATIENCE_MS }, signal);
  return adoptions;
}

async function adoptDates(
  maintenance: Maintenance,
  mirror: Maintenance['settings']['mirrors'][number],
  dryRun: boolean,
  signal: AbortSignal,
): Promise<readonly Adoption[]> {
  const adoptions: Adoption[] = [];
  const adopt = async (): Promise<{ adopted: number }> => {
    const dates = await adoptMirrors(maintenance, mirror, { dryRun }, signal);
    adoptions.push(...dates.map((one) => ({ database: mirror.name, schedule: 'mirror', ...one })));
    return { adopted: adoptions.filter(({ adopted }) => adopted).length };
  };
  const job = { id: `adopt mirror ${mirror.name}`, lock: `mirror ${mirror.name}`, run: adopt };
  if (dryRun) await adopt();
  else await runJob(maintenance, job, { by: 'hand', patienceMs: PATIENCE_MS }, signal);
  return adoptions;
}

export interface Confirmed {
  readonly path: string;
  /** What was in doubt. */
  readonly doubt: string;
}

/**
 * Takes the copies in doubt of a database or a mirror for good, or only those of these file names: retention counts them from now
 * on. Throws USAGE for a name that is none, or when nothing is in doubt.
 */
export async function confirmBackups(
  maintenance: Maintenance,
  name: string,
  files: readonly string[],
  signal: AbortSignal,
): Promise<readonly Confirmed[]> {
  const { directories, path, lock } = await whereCopiesLie(maintenance, name);
  const confirmed: Confirmed[] = [];
  const confirm = async (): Promise<{ confirmed: number }> => {
    for (const dir of directories) {
      const records = await confirmCopies(
        dir,
        ({ source, origin, file }) =>
          source.name === name &&
          source.path === path &&
          origin === maintenance.origin &&
          (files.length === 0 || files.includes(file)),
        maintenance.clock.now(),
      );
      confirmed.push(
        ...records.map(({ file, doubt }) => ({ path: `${dir}/${file}`, doubt: doubt?.said ?? '' })),
      );
    }
    return { confirmed: confirmed.length };
  };
  await runJob(
    maintenance,
    { id: `confirm ${name}`, lock, run: confirm },
    { by: 'hand', patienceMs: PATIENCE_MS },
    signal,
  );
  if (confirmed.length === 0) {
    const which = files.length === 0 ? '' : ` of that name (${files.join(', ')})`;
    throw new WavspoolError('USAGE', `no copy of ${name}${which} is in doubt`);
  }
  return confirmed;
}

/** The directories that hold copies of a database or a mirror, the path of their source, and the lock of its jobs. */
async function whereCopiesLie(
  maintenance: Maintenance,
  name: string,
): Promise<{ readonly directories: ReadonlySet<string>; readonly path: string; readonly lock: string }> {
  const mirror = maintenance.settings.mirrors.find((one) => one.name === name);
  if (mirror !== undefined) {
    const { source } = await mirrorOwner(mirror, maintenance.origin);
    return { directories: new Set([mirror.dir]), path: source.path, lock: `mirror ${name}` };
  }
  const { snapshots, exports, path } = databaseNamed(maintenance.databases, name);
  return {
    directories: new Set([...snapshots, ...exports].map(({ dir }) => dir)),
    path: await resolvedPath(path),
    lock: `snapshot ${name}`,
  };
}
