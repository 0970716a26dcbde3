import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DatabaseSettings } from '../../platform/config/index.ts';
import { FAULTS, faultCode, messageOf } from '../../domain/faults.ts';
import { at, readPlainIn, withDirectory } from '../../platform/linux/index.ts';
import { writeRecord, type CopyRecord } from '../record/index.ts';
import { fileNames } from '../retention/index.ts';
import {
  makeDirectory,
  offLoop,
  sha256OfFile,
  temporaryPath,
  type Clock,
} from '../../platform/runtime/index.ts';
import {
  hashFileOf,
  listSnapshots,
  notedFacts,
  ownerOf,
  type CatalogueDeps,
  type Snapshot,
} from './catalogue.ts';
import type { DatabaseFacts, FactsJob } from './facts-thread.ts';
import type { SnapshotSchedule } from './schedules.ts';
import { checkedCopy } from './verify.ts';

export interface AdoptDeps extends CatalogueDeps {
  readonly clock: Clock;
  readonly dataDirectory: string;
}

/** What became of a copy that no record gives to its schedule. */
export interface Adoption {
  readonly database: string;
  readonly schedule: string;
  readonly path: string;
  /** What it is taken for: when it was made, ms since 1970. */
  readonly at: number;
  readonly adopted: boolean;
  /** What it was known by before, or why it stays as it is. */
  readonly reason: string;
}

const FACTS_THREAD = new URL('facts-thread.ts', import.meta.url);

/**
 * Takes over the copies of a schedule that no record of this wavspool names, each after it was read whole: those of older
 * wavspools, of scripts, of a schedule or a path that was called otherwise. From then on retention counts them. With `dryRun`
 * nothing is written. A copy that is damaged, shares no table with the database, or fits another schedule's names as well stays as
 * it is, with the reason; the last only unless `isNamed` says that the operator chose the schedule. Safe to repeat.
 */
export async function adoptSnapshots(
  deps: AdoptDeps,
  database: DatabaseSettings,
  schedule: SnapshotSchedule,
  { dryRun, isNamed }: { readonly dryRun: boolean; readonly isNamed: boolean },
  signal: AbortSignal,
): Promise<readonly Adoption[]> {
  const strangers = (await listSnapshots(deps, database, schedule)).filter(
    ({ foreign }) => foreign !== undefined,
  );
  const adoptions: Adoption[] = [];
  for (const snapshot of strangers) {
    signal.throwIfAborted();
    const { path, at } = snapshot;
    const of = { database: database.name, schedule: schedule.name, path, at };
    const others = isNamed ? [] : othersThatFit(deps, database, schedule, snapshot);
    if (others.length > 0) {
      const reason = `its name fits ${others.join(' and ')} too: choose with --schedule`;
      adoptions.push({ ...of, adopted: false, reason });
      continue;
    }
    const record = await readForRecord(deps, database, schedule, snapshot, signal);
    if (typeof record === 'string') {
      adoptions.push({ ...of, adopted: false, reason: record });
      continue;
    }
    if (!dryRun) await note(path, record);
    adoptions.push({ ...of, adopted: true, reason: snapshot.foreign ?? '' });
  }
  return adoptions;
}

function othersThatFit(
  { databases, timezone }: CatalogueDeps,
  database: DatabaseSettings,
  schedule: SnapshotSchedule,
  { name, record }: Snapshot,
): readonly string[] {
  if (record !== undefined) return [];
  return databases.flatMap((one) =>
    one.snapshots
      .filter(
        (its) => its.dir === schedule.dir && !(one.name === database.name && its.name === schedule.name),
      )
      .filter((its) => fileNames(its.file, timezone, { name: one.name }).parse(name) !== undefined)
      .map((its) => `${one.name} ${its.name}`),
  );
}

/** The record of a copy, or why it gets none. */
async function readForRecord(
  deps: AdoptDeps,
  database: DatabaseSettings,
  schedule: SnapshotSchedule,
  snapshot: Snapshot,
  signal: AbortSignal,
): Promise<CopyRecord | string> {
  const scratch = join(deps.dataDirectory, 'scratch');
  await makeDirectory(scratch);
  const content = temporaryPath(scratch);
  try {
    const { hashes } = await notedFacts(snapshot.path);
    await checkedCopy(snapshot.path, hashes, content, { keep: true }, signal);
    const { rows, journalMode } = await facts({ path: content, isLive: false }, signal);
    const live = await liveTables(database, signal);
    const tables = Object.keys(rows);
    if (tables.length > 0 && live.length > 0 && !tables.some((table) => live.includes(table)))
      return `none of its tables is in ${database.path}: it is a copy of another database`;
    return {
      ...(await ownerOf(deps, database, schedule)),
      file: snapshot.name,
      at: snapshot.at,
      count: 0,
      bytes: snapshot.bytes,
      sha256: await sha256OfFile(snapshot.path, signal),
      amounts: rows,
      journalMode,
      ...(snapshot.label !== undefined && { label: snapshot.label }),
      adoptedAt: deps.clock.now(),
    };
  } catch (error) {
    signal.throwIfAborted();
    if (FAULTS[faultCode(error)].cause !== 'damaged') throw error;
    return messageOf(error);
  } finally {
    for (const part of ['', '-wal', '-shm']) await rm(content + part, { force: true });
  }
}

function facts(job: FactsJob, signal: AbortSignal): Promise<DatabaseFacts> {
  return offLoop<DatabaseFacts>(FACTS_THREAD, job, signal);
}

/** The tables of the database as it is; none where it cannot be read, which is no reason to refuse its copies. */
async function liveTables({ path }: DatabaseSettings, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return Object.keys((await facts({ path, isLive: true }, signal)).rows);
  } catch (error) {
    if (!faultCode(error).startsWith('DATABASE_')) throw error;
    return [];
  }
}

/** The note of an older wavspool goes once the record stands: nothing else lies beside the copies. */
async function note(path: string, record: CopyRecord): Promise<void> {
  await withDirectory(dirname(path), async (directory) => {
    await writeRecord(directory, record);
    const name = hashFileOf(record.file);
    const text = await readPlainIn(directory, name);
    if (text?.startsWith(record.sha256) === true) await rm(at(directory, name), { force: true });
  });
}
