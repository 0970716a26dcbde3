import { createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DatabaseSettings } from '../../platform/config/index.ts';
import { FAULTS, WavspoolError, errnoOf, faultCode, messageOf } from '../../domain/faults.ts';
import {
  listOffsitePoints,
  listPoints,
  restoreOffsitePoint,
  restorePoint,
  type OffsitePoints,
} from '../point-in-time/index.ts';
import { fileSource, type Fetched, type Source } from '../restore/index.ts';
import { isoTime, makeDirectory, parseTime, temporaryPath } from '../../platform/runtime/index.ts';
import { checkedCopy, listSnapshots, notedFacts, type Snapshot, type Verdict } from '../snapshot/index.ts';
import { objectAddress, type ObjectStore } from '../../platform/s3/index.ts';
import type { SnapshotBackup } from './backup.ts';
import { listSnapshotBackups } from './backups.ts';
import type { Maintenance } from './maintenance.ts';
import { noteVerdict } from './note-verdict.ts';
import { offsiteDeps } from './points-backups.ts';

/**
 * The copy that an operator named: a path, an `s3://bucket/key`, or a name in the catalogue of that database. Throws
 * SNAPSHOT_UNKNOWN.
 */
export async function namedSource(
  maintenance: Maintenance,
  database: string,
  from: string,
  signal: AbortSignal,
): Promise<Source> {
  if (from.startsWith('s3://') && from.endsWith('/'))
    return offsitePointsAt(maintenance, database, from, undefined, signal);
  if (from.startsWith('s3://')) return offsiteSource(maintenance, from);
  const path = isAbsolute(from) || from.includes('/') ? resolve(from) : from;
  if (await isFile(path)) {
    await mustNotBeOfAnother(maintenance, database, path);
    return fileSource(path, await notedFacts(path));
  }
  const { snapshots, unlisted } = await listSnapshotBackups(maintenance, database, signal);
  const listed = snapshots.find(({ name }) => name === from);
  if (listed === undefined)
    throw new WavspoolError(
      'SNAPSHOT_UNKNOWN',
      [`${from} is no file, and no copy of ${database} has that name`, ...unlisted].join('; '),
    );
  return backupSource(maintenance, listed);
}

/** One of the copies of a database that are listed, by its path or address. Throws SNAPSHOT_UNKNOWN. */
export async function listedSource(
  maintenance: Maintenance,
  database: string,
  path: string,
  signal: AbortSignal,
): Promise<Source> {
  const { snapshots, unlisted } = await listSnapshotBackups(maintenance, database, signal);
  const listed = snapshots.find((one) => one.path === path);
  if (listed !== undefined) return backupSource(maintenance, listed);
  throw new WavspoolError('SNAPSHOT_UNKNOWN', [`no copy of ${database} is ${path}`, ...unlisted].join('; '));
}

/** Two databases can have the same tables: a copy that stands in the list of another one is that one's. Throws SNAPSHOT_OTHER. */
async function mustNotBeOfAnother(maintenance: Maintenance, database: string, path: string): Promise<void> {
  const isListed = async (one: DatabaseSettings): Promise<boolean> => {
    const lists = await Promise.all(
      one.snapshots.map((schedule) => listSnapshots(maintenance, one, schedule)),
    );
    return lists.flat().some((snapshot) => snapshot.path === path);
  };
  const { own = [], others = [] } = Object.groupBy(maintenance.databases, ({ name }) =>
    name === database ? 'own' : 'others',
  );
  for (const one of own) if (await isListed(one)) return;
  for (const other of others) {
    if (!(await isListed(other))) continue;
    throw new WavspoolError(
      'SNAPSHOT_OTHER',
      `${path} is a copy of the database ${other.name}, not of ${database}`,
    );
  }
}

/** A listed copy as a source. */
export async function backupSource(
  maintenance: Maintenance,
  { where, path, at }: SnapshotBackup,
): Promise<Source> {
  return where === 'offsite' ? offsiteSource(maintenance, path) : snapshotSource({ path, at: parseTime(at) });
}

/** A snapshot on disk as a source. */
export async function snapshotSource({ path, at }: Pick<Snapshot, 'path' | 'at'>): Promise<Source> {
  return fileSource(path, await notedFacts(path), { at });
}

/**
 * The last state that was kept at or before `at` (ms since 1970): a restore point where the database is captured, else the
 * newest snapshot. Throws SNAPSHOT_UNKNOWN, saying which is the first.
 */
export async function sourceAt(
  maintenance: Maintenance,
  database: DatabaseSettings,
  at: number,
  signal: AbortSignal,
): Promise<Source> {
  const { snapshots, unlisted } = await listSnapshotBackups(maintenance, database.name, signal);
  const all = snapshots.filter(({ verified }) => verified);
  const snapshot = all.find((backup) => parseTime(backup.at) <= at);
  const { from, to } = await capturedRange(database);
  const last = snapshot === undefined ? 0 : parseTime(snapshot.at);
  // within what was captured, a point is the later of the two; behind its end a snapshot may be
  if (at >= from && (at <= to || to >= last)) return pointSource(maintenance, database, Math.min(at, to));
  const offsite = await offsitePointsFor(maintenance, database, at, signal).catch((error: unknown) => {
    if (snapshot === undefined || signal.aborted || faultCode(error) === 'SNAPSHOT_UNKNOWN') throw error;
    return undefined; // the store is unreachable: a snapshot on this host does without it
  });
  if (offsite !== undefined && (at <= offsite.to || offsite.to >= last))
    return offsitePointSource(maintenance, database, offsite, at);
  if (snapshot !== undefined) return backupSource(maintenance, snapshot);
  throw nothingKept(database, Math.min(from, ...all.map((backup) => parseTime(backup.at))), unlisted);
}

/** The times between which a restore point can be had on this host; an empty range where there is none. */
async function capturedRange(
  database: DatabaseSettings,
): Promise<{ readonly from: number; readonly to: number }> {
  const { from = Infinity, to = 0 } = database.pointInTime === undefined ? {} : await listPoints(database);
  return { from, to };
}

function nothingKept(database: DatabaseSettings, first: number, unlisted: readonly string[]): WavspoolError {
  const range = first === Infinity ? 'there is no copy' : `the oldest copy is of ${isoTime(first)}`;
  return new WavspoolError(
    'SNAPSHOT_UNKNOWN',
    [`nothing of ${database.name} was kept at or before that time: ${range}`, ...unlisted].join('; '),
  );
}

/**
 * The restore points in the bucket that hold what was at `at`: this host's own, else those of the one host that has put some there
 * for a database of that name. Throws SNAPSHOT_UNKNOWN when there are several and the command names none; store faults.
 */
async function offsitePointsFor(
  maintenance: Maintenance,
  database: DatabaseSettings,
  at: number,
  signal: AbortSignal,
): Promise<OffsitePoints | undefined> {
  if (database.pointInTime?.offsite === undefined) return undefined;
  const found = await listOffsitePoints(await offsiteDeps(maintenance), database, signal);
  const own = found.filter(({ isOwn }) => isOwn);
  const candidates = own.length > 0 ? own : found;
  const hosts = new Set(candidates.map(({ offsite: { origin, source } }) => `${origin} ${source}`));
  const holding = candidates.filter(({ from }) => from <= at);
  if (hosts.size <= 1) return holding.find(({ to }) => at <= to) ?? holding[0];
  const { bucket } = maintenance.settings.s3;
  const list = found.map(
    ({ prefix, from, to }) => `s3://${bucket}/${prefix} (${isoTime(from)} to ${isoTime(to)})`,
  );
  throw new WavspoolError(
    'SNAPSHOT_UNKNOWN',
    `several hosts have put restore points of ${database.name} there; say which with --from: ${list.join(', ')}`,
  );
}

/** The restore points at an address in the bucket, at `at` or the last of them. Throws SNAPSHOT_UNKNOWN, USAGE or store faults. */
export async function offsitePointsAt(
  maintenance: Maintenance,
  database: string,
  address: string,
  at: number | undefined,
  signal: AbortSignal,
): Promise<Source> {
  const captured = maintenance.databases.find(({ name }) => name === database);
  const { bucket } = maintenance.settings.s3;
  const found =
    captured === undefined ? [] : await listOffsitePoints(await offsiteDeps(maintenance), captured, signal);
  const points = found.find(({ prefix }) => `s3://${bucket}/${prefix}` === address);
  if (captured === undefined || points === undefined)
    throw new WavspoolError('SNAPSHOT_UNKNOWN', `${address} holds no restore point of ${database}`);
  return offsitePointSource(maintenance, captured, points, at ?? points.to);
}

function offsitePointSource(
  maintenance: Maintenance,
  database: DatabaseSettings,
  points: OffsitePoints,
  at: number,
): Source {
  const time = Math.min(at, points.to);
  return {
    from: `the restore point ${isoTime(time)} in s3://${maintenance.settings.s3.bucket}/${points.prefix}`,
    at: time,
    fetch: async (target, signal) => {
      const scratch = join(maintenance.dataDirectory, 'scratch');
      await makeDirectory(scratch);
      return restoreOffsitePoint(
        await offsiteDeps(maintenance),
        database,
        points,
        time,
        target,
        scratch,
        signal,
      );
    },
  };
}

/** A restore point of a database that is captured. */
export function pointSource(maintenance: Maintenance, database: DatabaseSettings, at: number): Source {
  return {
    from: `the restore point ${isoTime(at)}`,
    at,
    fetch: async (target, signal) => restorePoint(maintenance, database, at, target, signal),
  };
}

/** Reads a source as a restore would; of a copy on disk its record notes what was found. Throws what keeps it from being read. */
export async function verifySource(
  maintenance: Maintenance,
  source: Source,
  signal: AbortSignal,
): Promise<Verdict> {
  const verdict = await readSource(maintenance, source, signal);
  for (const database of maintenance.databases) {
    for (const schedule of database.snapshots) {
      const listed = await listSnapshots(maintenance, database, schedule);
      const copy = listed.find(({ path }) => path === source.from);
      if (copy !== undefined)
        return noteVerdict(maintenance, copy, `snapshot ${database.name}`, verdict, signal);
    }
  }
  return verdict;
}

async function readSource(maintenance: Maintenance, source: Source, signal: AbortSignal): Promise<Verdict> {
  const scratch = join(maintenance.dataDirectory, 'scratch');
  await makeDirectory(scratch);
  const target = temporaryPath(scratch);
  try {
    await source.fetch(target, signal);
    return { ok: true };
  } catch (error) {
    if (FAULTS[faultCode(error)].cause !== 'damaged') throw error;
    return { ok: false, reason: messageOf(error) };
  } finally {
    await rm(target, { force: true });
  }
}

/** A copy in the bucket, its bytes checked against the SHA-256 that it was sent with. */
function offsiteSource(maintenance: Maintenance, address: string): Source {
  const object = objectAddress(address);
  const { bucket: ours } = maintenance.settings.s3;
  if (object?.bucket !== ours) {
    const message = `${address} is not in s3.bucket, which is ${ours}: an address is s3://${ours}/<key>`;
    throw new WavspoolError('USAGE', message);
  }
  const { key } = object;
  return {
    from: address,
    fetch: async (target, signal) => {
      const scratch = join(maintenance.dataDirectory, 'scratch');
      await makeDirectory(scratch);
      // the name says how it is compressed
      const download = `${temporaryPath(scratch)}${/\.(?:gz|zst)$/.exec(basename(key))?.[0] ?? ''}`;
      try {
        const { sha256, ...fetched } = await downloadTo(await maintenance.store(), key, download, signal);
        await checkedCopy(download, sha256 === undefined ? [] : [sha256], target, { keep: true }, signal);
        return fetched;
      } finally {
        await rm(download, { force: true });
      }
    },
  };
}

async function downloadTo(
  store: ObjectStore,
  key: string,
  path: string,
  signal: AbortSignal,
): Promise<Fetched & { readonly sha256?: string | undefined }> {
  const head = await store.head(key, signal);
  if (head === undefined) throw new WavspoolError('SNAPSHOT_UNKNOWN', `the bucket has no object ${key}`);
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
  await pipeline(Readable.from(await store.get(key, signal)), file, { signal });
  return { sha256: head.metadata['sha256'], journalMode: head.metadata['journal-mode'] };
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
    throw new WavspoolError('FILE_UNREADABLE', `${path} in ${dirname(path)} cannot be read`, {
      cause: error,
    });
  }
}
