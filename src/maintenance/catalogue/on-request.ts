import { WavspoolError, messageOf } from '../../domain/faults.ts';
import { fetchMirror, type FetchedMirror } from '../mirror/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import { runJob } from '../../platform/jobs/index.ts';
import { databaseNamed } from '../snapshot/index.ts';
import { exportJob, type ExportOutcome } from './export-job.ts';
import type { Maintenance } from './maintenance.ts';
import { mirrorJob, shipMirrorJob, type MirrorOutcome } from './mirror-job.ts';

/** So long a command waits until a run of the same job is over. */
const PATIENCE_MS = 10 * 60_000;

/** Runs one of a database's exports. Throws USAGE, listing those there are, and what the export throws. */
export async function exportTablesNow(
  maintenance: Maintenance,
  databaseName: string,
  name: string,
  signal: AbortSignal,
): Promise<ExportOutcome> {
  const database = databaseNamed(maintenance.databases, databaseName);
  const entry = named(database.exports, name, `${database.name} has no export`);
  const asked = { by: 'hand', patienceMs: PATIENCE_MS } as const;
  return runJob(maintenance, exportJob(maintenance, database, entry), asked, signal);
}

/** A mirror that was asked for, and what became of it in the bucket; absent where nothing goes offsite. */
export interface MirrorNow extends MirrorOutcome {
  readonly offsite?: { readonly shipped: readonly string[] } | { readonly error: string };
}

/**
 * Runs a mirror, and brings it offsite. Throws USAGE, listing those there are, and what the mirror throws; an upload that fails is in
 * the outcome, and tried again by schedule.
 */
export async function mirrorNow(
  maintenance: Maintenance,
  name: string,
  signal: AbortSignal,
): Promise<MirrorNow> {
  const mirror = named(maintenance.settings.mirrors, name, 'the settings name no mirror');
  const asked = { by: 'hand', patienceMs: PATIENCE_MS } as const;
  const made = await runJob(maintenance, mirrorJob(maintenance, mirror), asked, signal);
  if (mirror.offsite === undefined) return made;
  try {
    const { shipped } = await runJob(maintenance, shipMirrorJob(maintenance, mirror), asked, signal);
    return { ...made, offsite: { shipped } };
  } catch (error) {
    signal.throwIfAborted();
    return { ...made, offsite: { error: messageOf(error) } }; // the run was reported; the mirror stands
  }
}

/** Brings a date of a mirror back from the bucket into a new directory. Throws as fetchMirror does. */
export async function fetchMirrorNow(
  maintenance: Maintenance,
  name: string,
  what: { readonly date?: string | undefined; readonly to: string },
  signal: AbortSignal,
): Promise<Omit<FetchedMirror, 'at'> & { readonly at: string }> {
  const mirror = named(maintenance.settings.mirrors, name, 'the settings name no mirror');
  const { timezone, origin } = maintenance;
  const fetched = await fetchMirror(
    { store: await maintenance.store(), timezone, origin },
    mirror,
    what,
    signal,
  );
  return { ...fetched, at: isoTime(fetched.at) };
}

function named<T extends { readonly name: string }>(all: readonly T[], name: string, problem: string): T {
  const found = all.find((one) => one.name === name);
  if (found !== undefined) return found;
  const there = all.length === 0 ? 'there are none' : `there are: ${all.map((one) => one.name).join(', ')}`;
  throw new WavspoolError('USAGE', `${problem} ${JSON.stringify(name)}; ${there}`);
}
