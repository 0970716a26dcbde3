import { lstat } from 'node:fs/promises';
import type { Clock } from '../../platform/runtime/index.ts';
import type { Report } from '../../domain/events.ts';
import type { Settings } from '../../platform/config/index.ts';
import { errnoOf } from '../../domain/faults.ts';
import { extractWork, uploadWork, priorityOf, type Queues } from '../../platform/queue/index.ts';
import type { Ledger } from '../../domain/ledger.ts';
import { chosenRecordings, chosenTars, type FailureChoice } from './chosen-failures.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import { versionAt, type TarVersion } from '../../domain/tar.ts';

export interface RequeueRequest extends FailureChoice {
  /** Failed tars too; else recordings only. */
  readonly tars: boolean;
  /** At most so many recordings. */
  readonly limit?: number | undefined;
  /** Only count. */
  readonly dryRun?: boolean | undefined;
}

export interface Requeued {
  readonly recordings: number;
  readonly tars: number;
  readonly paths: readonly string[];
}

/** What only another extraction can mend. */
const MENDED_BY_EXTRACTION: ReadonlySet<string | undefined> = new Set(['changed', 'missing', 'refused']);

/** What re-queuing works with. */
export interface RequeueDeps {
  readonly settings: Pick<Settings, 'arrival'>;
  readonly ledger: Pick<Ledger, 'tars' | 'recordings'>;
  readonly queues: Queues;
  readonly clock: Clock;
  readonly report: Report;
  /** The site is another host's: what lies under its paths here is not its. */
  readonly isElsewhere?: boolean | undefined;
}

/** FAILED → PENDING with a fresh budget, and a job each. Recordings whose file is gone or changed start from their tar again. */
export async function requeue(deps: RequeueDeps, request: RequeueRequest, by: string): Promise<Requeued> {
  const paths: string[] = [];
  const tars = new Set<string>();
  const limit = request.limit ?? Number.POSITIVE_INFINITY;
  for await (const page of chosenRecordings(deps.ledger.recordings, request)) {
    const rows = page.slice(0, limit - paths.length).map(({ row }) => row);
    paths.push(...rows.map(({ path }) => path));
    if (request.dryRun !== true) await requeuePage(deps, rows, tars);
    if (paths.length >= limit) break;
    await deps.clock.sleep(0); // others go on between two pages
  }
  const failedTars = request.tars
    ? (await Array.fromAsync(chosenTars(deps.ledger.tars, request))).flat()
    : [];
  for (const { path } of failedTars) tars.add(path);
  if (request.dryRun !== true) {
    await extractAgain(deps, [...tars]);
    deps.report('requeued', { by, recordings: paths.length, tars: failedTars.length });
  }
  return { recordings: paths.length, tars: failedTars.length, paths };
}

async function requeuePage(
  deps: RequeueDeps,
  rows: readonly RecordingRow[],
  tars: Set<string>,
): Promise<void> {
  const { order } = deps.settings.arrival;
  await deps.ledger.recordings.requeue(rows.map(({ path }) => path));
  const uploads = rows.filter((row) => row.tar === undefined || !MENDED_BY_EXTRACTION.has(row.cause));
  for (const row of rows) if (row.tar !== undefined && MENDED_BY_EXTRACTION.has(row.cause)) tars.add(row.tar);
  await deps.queues.upload.restart(
    uploads.map(({ path, tarMtimeMs }) =>
      uploadWork(path, priorityOf(tarMtimeMs ?? 0, order, deps.clock.now())),
    ),
  );
}

/**
 * Queues the present version of each tar; for one that is gone, or that another host has, its last known version: the job finds out what
 * lies there.
 */
async function extractAgain(deps: RequeueDeps, tars: readonly string[]): Promise<void> {
  for (const path of tars) {
    const present =
      deps.isElsewhere === true ? await extractedVersion(deps, path) : await presentVersion(path);
    const version = present ?? (await deps.ledger.tars.failure(path));
    if (version === undefined) continue;
    await deps.ledger.tars.forgetFailure(path);
    await deps.queues.extract.restart([extractWork(version, 0)]);
  }
}

/** The one that was extracted last; undefined where none was, or a row of an older state does not say which. */
async function extractedVersion({ ledger }: RequeueDeps, path: string): Promise<TarVersion | undefined> {
  if ((await ledger.tars.failure(path)) !== undefined) return undefined; // the later one counts
  const { size, mtimeMs } = (await ledger.tars.get(path)) ?? {};
  return size === undefined || mtimeMs === undefined ? undefined : { path, size, mtimeMs };
}

async function presentVersion(path: string): Promise<TarVersion | undefined> {
  try {
    return versionAt(path, await lstat(path));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
