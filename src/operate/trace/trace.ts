import { lstat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { Clock } from '../../platform/runtime/index.ts';
import type { Report } from '../../domain/events.ts';
import type { Settings } from '../../platform/config/index.ts';
import { proveWithin, tarMatcher, unprovedIn, type Proof } from '../../ingest/arrival/index.ts';
import { errnoOf, messageOf, type WavspoolError } from '../../domain/faults.ts';
import { extractWork, uploadJobId, type Queues } from '../../platform/queue/index.ts';
import { redisFault } from '../../platform/redis/index.ts';
import { versionAt, type FailedTar, type TarRow } from '../../domain/tar.ts';
import type { Progress, RecordingRow } from '../../domain/recording.ts';
import type { Ledger } from '../../domain/ledger.ts';
import { keyAt, openStore, type ObjectHead } from '../../platform/s3/index.ts';
import { proveBelow } from '../../platform/tar/index.ts';

interface FileFacts {
  readonly bytes: number;
  readonly modified: string;
}

/** Null for nothing; an error where a directory on the way may not be looked into, or the disk fails. */
export type OnDisk = FileFacts | { readonly error: string } | null;

/** What BullMQ calls it, `unknown` for none; an error where Redis does not tell, null where nothing goes through it. */
type JobState = string | { readonly error: string } | null;

interface VersionOnDisk {
  readonly size: number;
  readonly mtimeMs: number;
  readonly modified: string;
}

export interface TarTrace {
  readonly kind: 'tar';
  readonly path: string;
  readonly onDisk: OnDisk;
  /** Whether it is all there, as far as seconds tell; null once this version was extracted or has failed, and for a file that is no tar by its name. */
  readonly arrival: Proof | { readonly error: string } | null;
  readonly extraction: TarRow | null;
  readonly failure: FailedTar | null;
  readonly job: JobState;
  readonly recordings: Progress;
}

export interface RecordingTrace {
  readonly kind: 'recording';
  readonly path: string;
  readonly onDisk: OnDisk;
  readonly row: RecordingRow;
  /** How often it was tried, of how many times at most: one try, and `upload.maxRetries` retries. */
  readonly tries: number;
  readonly maxTries: number;
  readonly job: JobState;
  readonly object: ObjectHead | { readonly error: string } | null;
  readonly tar: TarTrace | null;
}

export type Trace =
  | TarTrace
  | RecordingTrace
  | { readonly kind: 'unknown'; readonly path: string; readonly onDisk: OnDisk };

interface TraceDeps {
  readonly settings: Settings;
  readonly ledger: Pick<Ledger, 'tars' | 'recordings'>;
  readonly queues: Queues | undefined;
  /** Why Redis cannot be asked, though work goes through it. */
  readonly redisFault: WavspoolError | undefined;
  readonly clock: Clock;
  readonly report: Report;
  /** The site is another host's: what lies under its paths here is not its. */
  readonly isElsewhere?: boolean | undefined;
}

const HEAD_DEADLINE_MS = 10_000;

/**
 * Everything that the disk, `state.db`, the queues and the store know of one tar or recording. `name` is its path, absolute or
 * from the working directory, a tar's path below the landing directory, a recording's below `paths.extracted`, or its key,
 * alone or as `s3://bucket/key`.
 */
export async function trace(deps: TraceDeps, name: string): Promise<Trace> {
  const { incoming, extracted } = deps.settings.paths;
  const below = [join(incoming, name), join(extracted, name)];
  const places = isAbsolute(name) ? [name] : deps.isElsewhere === true ? below : [resolve(name), ...below];
  for (const path of places) {
    const found = await traceAt(deps, path);
    if (found.kind !== 'unknown') return found;
  }
  const row = await recordingOfKey(deps, keyAt(name, deps.settings.s3));
  if (row !== undefined) return traceRecording(deps, row);
  return traceAt(deps, places[0] ?? name);
}

/** A key says where its recording lies, but for one that had to get another name. */
async function recordingOfKey(
  { ledger, settings }: TraceDeps,
  key: string,
): Promise<RecordingRow | undefined> {
  const { prefix } = settings.s3;
  const derived = key.startsWith(prefix)
    ? await ledger.recordings.get(join(settings.paths.extracted, key.slice(prefix.length)))
    : undefined;
  return derived?.key === key ? derived : ledger.recordings.byKey(key);
}

async function traceAt(deps: TraceDeps, path: string): Promise<Trace> {
  const row = await deps.ledger.recordings.get(path);
  if (row !== undefined) return traceRecording(deps, row);
  const tar = await traceTar(deps, path);
  const { arrival, extraction, failure, job } = tar;
  const isQueued = typeof job === 'string' && job !== 'unknown';
  if (arrival !== null || extraction !== null || failure !== null || isQueued) return tar;
  return { kind: 'unknown', path, onDisk: tar.onDisk };
}

async function traceTar(deps: TraceDeps, path: string): Promise<TarTrace> {
  const found = await factsFor(deps, path);
  const onDisk = found === null || 'error' in found ? null : found;
  const extraction = (await deps.ledger.tars.get(path)) ?? null;
  const failure = (await deps.ledger.tars.failure(path)) ?? null;
  const job = await jobState(deps, 'extract', extractJobId(path, onDisk ?? failure ?? extraction));
  const recordings = await deps.ledger.tars.progress(path);
  const isNew = onDisk !== null && !isOf(extraction, onDisk) && !isOf(failure, onDisk);
  const arrival = isNew ? await arrivalOf(deps, path) : null;
  return { kind: 'tar', path, onDisk: publicFacts(found), arrival, extraction, failure, job, recordings };
}

/** The id of the job that extracts this version of a tar; where no version is known, an id that no job has. */
function extractJobId(path: string, version: VersionOnDisk | FailedTar | TarRow | null): string {
  const { size = 0, mtimeMs = 0 } = version ?? {};
  return extractWork({ path, size, mtimeMs }, 0).id;
}

/** Whether a row is about the file as it is; a `state.db` of another program did not say which version its tars were. */
function isOf(row: TarRow | FailedTar | null, { size, mtimeMs }: VersionOnDisk): boolean {
  return row !== null && (row.size === undefined || (row.size === size && row.mtimeMs === mtimeMs));
}

/** What takes longer to read than this, a bomb above all, is not worth waiting for. */
const PROOF_MS = 5000;
const NEVER = new AbortController().signal;

async function arrivalOf({ settings, clock }: TraceDeps, path: string): Promise<TarTrace['arrival']> {
  if (!tarMatcher(settings.arrival)(relative(settings.paths.incoming, path))) return null;
  try {
    const prove = proveBelow(settings.paths.incoming);
    return (await proveWithin({ clock, prove }, path, PROOF_MS, NEVER)) ?? unprovedIn(PROOF_MS);
  } catch (error) {
    return { error: messageOf(error) }; // the rest of the trace is worth having of a file that cannot be read
  }
}

async function traceRecording(deps: TraceDeps, row: RecordingRow): Promise<RecordingTrace> {
  const tries = row.status === 'PENDING' && row.retryCount === 0 ? 0 : row.retryCount + 1;
  return {
    kind: 'recording',
    path: row.path,
    onDisk: publicFacts(await factsFor(deps, row.path)),
    row,
    tries,
    maxTries: deps.settings.upload.maxRetries + 1,
    job: await jobState(deps, 'upload', uploadJobId(row)),
    object: await objectOf(deps, row.key),
    tar: row.tar === undefined ? null : await traceTar(deps, row.tar),
  };
}

async function jobState(
  { queues, redisFault: away }: TraceDeps,
  kind: 'extract' | 'upload',
  id: string,
): Promise<JobState> {
  if (queues === undefined) return away === undefined ? null : { error: away.message };
  try {
    return await queues[kind].state(id);
  } catch (error) {
    const fault = redisFault(error);
    if (fault === undefined) throw error;
    return { error: fault.message }; // the rest of the trace is worth having while Redis is away
  }
}

async function objectOf(deps: TraceDeps, key: string | undefined): Promise<RecordingTrace['object']> {
  if (key === undefined) return null;
  const store = await openStore(deps);
  try {
    return (await store.head(key, AbortSignal.timeout(HEAD_DEADLINE_MS))) ?? null;
  } catch (error) {
    return { error: messageOf(error) }; // the rest of the trace is worth having while the store is away
  } finally {
    store.close();
  }
}

/** What lies at a path now. */
export async function factsOnDisk(path: string): Promise<OnDisk> {
  return publicFacts(await factsOf(path));
}

type Found = VersionOnDisk | { readonly error: string } | null;

/** What lies at a path of the site: its own host alone knows. */
function factsFor({ isElsewhere, settings }: TraceDeps, path: string): Promise<Found> {
  if (isElsewhere !== true) return factsOf(path);
  return Promise.resolve({ error: `only the host of the site ${settings.site} can tell` });
}

async function factsOf(path: string): Promise<Found> {
  try {
    const found = await lstat(path);
    const { size, mtimeMs } = versionAt(path, found);
    return { size, mtimeMs, modified: found.mtime.toISOString() };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    return { error: messageOf(error) }; // what the rows and the bucket know is worth having all the same
  }
}

function publicFacts(found: Found): OnDisk {
  return found === null || 'error' in found ? found : { bytes: found.size, modified: found.modified };
}
