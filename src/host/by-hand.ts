import { WavspoolError } from '../faults.ts';
import { runJob } from '../schedule/index.ts';
import { databaseNamed } from '../snapshot/index.ts';
import { exportJob, type ExportOutcome } from './export-job.ts';
import type { Host } from './host.ts';
import { mirrorJob, type MirrorOutcome } from './mirror-job.ts';

/** So long a command waits until a run of the same job is over. */
const PATIENCE_MS = 10 * 60_000;

/** Runs one of a database's exports. Throws USAGE, listing those there are, and what the export throws. */
export async function exportTablesNow(
  host: Host,
  databaseName: string,
  name: string,
  signal: AbortSignal,
): Promise<ExportOutcome> {
  const database = databaseNamed(host.databases, databaseName);
  const entry = named(database.exports, name, `${database.name} has no export`);
  const asked = { by: 'hand', patienceMs: PATIENCE_MS } as const;
  return runJob(host, exportJob(host, database, entry), asked, signal);
}

/** Runs a mirror. Throws USAGE, listing those there are, and what the mirror throws. */
export async function mirrorNow(host: Host, name: string, signal: AbortSignal): Promise<MirrorOutcome> {
  const mirror = named(host.settings.mirrors, name, 'the settings name no mirror');
  const asked = { by: 'hand', patienceMs: PATIENCE_MS } as const;
  return runJob(host, mirrorJob(host, mirror), asked, signal);
}

function named<T extends { readonly name: string }>(all: readonly T[], name: string, problem: string): T {
  const found = all.find((one) => one.name === name);
  if (found !== undefined) return found;
  const there = all.length === 0 ? 'there are none' : `there are: ${all.map((one) => one.name).join(', ')}`;
  throw new WavspoolError('USAGE', `${problem} ${JSON.stringify(name)}; ${there}`);
}
