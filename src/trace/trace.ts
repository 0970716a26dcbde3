import { lstat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { LookingApp } from '../app.ts';
import { tarMatcher } from '../arrival/index.ts';
import { errnoOf, messageOf } from '../faults.ts';
import { extractWork, redisFault, uploadJobId } from '../queue/index.ts';
import type { FailedTar, Progress, RecordingRow, TarRow } from '../state/index.ts';
import { openS3Store, type ObjectHead } from '../store/index.ts';
import { proveBelow, type Completeness } from '../tar/index.ts';

interface FileFacts {
  readonly bytes: number;
  readonly modified: string;
}

/** Null for nothing; an error where a directory on the way may not be looked into, or the disk fails. */
type OnDisk = FileFacts | { readonly error: string } | null;

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
  /** Whether it is all there; null once this version was extracted or has failed, and for a file that is no tar by its name. */
  readonly arrival: Completeness | { readonly error: string } | null;
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

type TraceApp = Pick<LookingApp, 'settings' | 'state' | 'queues' | 'redisFault' | 'report' | 'clock'>;

const HEAD_DEADLINE_MS = 10_000;

/**
 * Everything that the disk, `state.db`, the queues and the store know of one tar or recording. `name` is its path, absolute or
 * from the working directory, a tar's path below the landing directory, a recording's below `paths.extracted`, or its key.
 */
export async function trace(app: TraceApp, name: string): Promise<Trace> {
  const { incoming, extracted } = app.settings.paths;
  const places = isAbsolute(name) ? [name] : [resolve(name), join(incoming, name), join(extracted, name)];
  for (const path of places) {
    const found = await traceAt(app, path);
    if (found.kind !== 'unknown') return found;
  }
  const row = recordingOfKey(app, name);
  if (row !== undefined) return traceRecording(app, row);
  return traceAt(app, places[0] ?? name);
}

/** A key says where its recording lies, but for one that had to get another name. */
function recordingOfKey({ state, settings }: TraceApp, key: string): RecordingRow | undefined {
  const { prefix } = settings.s3;
  const derived = key.startsWith(prefix)
    ? state.recording(join(settings.paths.extracted, key.slice(prefix.length)))
    : undefined;
  return derived?.key === key ? derived : state.recordingByKey(key);
}

async function traceAt(app: TraceApp, path: string): Promise<Trace> {
  const row = app.state.recording(path);
  if (row !== undefined) return traceRecording(app, row);
  const tar = await traceTar(app, path);
  const { arrival, extraction, failure, job } = tar;
  const isQueued = typeof job === 'string' && job !== 'unknown';
  if (arrival !== null || extraction !== null || failure !== null || isQueued) return tar;
  return { kind: 'unknown', path, onDisk: tar.onDisk };
}

async function traceTar(app: TraceApp, path: string): Promise<TarTrace> {
  const found = await factsOf(path);
  const onDisk = found === null || 'error' in found ? null : found;
  const extraction = app.state.tar(path) ?? null;
  const failure = app.state.failedTar(path) ?? null;
  const { size = 0, mtimeMs = 0 } = onDisk ?? failure ?? extraction ?? {};
  const job = await jobState(app, 'extract', extractWork({ path, size, mtimeMs }, 0).id);
  const recordings = app.state.tarProgress(path);
  const isNew = onDisk !== null && !isOf(extraction, onDisk) && !isOf(failure, onDisk);
  const arrival = isNew ? await arrivalOf(app, path) : null;
  return { kind: 'tar', path, onDisk: publicFacts(found), arrival, extraction, failure, job, recordings };
}

/** Whether a row is about the file as it is; a `state.db` of another program did not say which version its tars were. */
function isOf(row: TarRow | FailedTar | null, { size, mtimeMs }: VersionOnDisk): boolean {
  return row !== null && (row.size === undefined || (row.size === size && row.mtimeMs === mtimeMs));
}

async function arrivalOf({ settings }: TraceApp, path: string): Promise<TarTrace['arrival']> {
  if (!tarMatcher(settings.arrival)(relative(settings.paths.incoming, path))) return null;
  try {
    return await proveBelow(settings.paths.incoming)(path);
  } catch (error) {
    return { error: messageOf(error) }; // the rest of the trace is worth having of a file that cannot be read
  }
}

async function traceRecording(app: TraceApp, row: RecordingRow): Promise<RecordingTrace> {
  const tries = row.status === 'PENDING' && row.retryCount === 0 ? 0 : row.retryCount + 1;
  return {
    kind: 'recording',
    path: row.path,
    onDisk: publicFacts(await factsOf(row.path)),
    row,
    tries,
    maxTries: app.settings.upload.maxRetries + 1,
    job: await jobState(app, 'upload', uploadJobId(row)),
    object: await objectOf(app, row.key),
    tar: row.tar === undefined ? null : await traceTar(app, row.tar),
  };
}

async function jobState(
  { queues, redisFault: away }: TraceApp,
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

async function objectOf(app: TraceApp, key: string | undefined): Promise<RecordingTrace['object']> {
  if (key === undefined) return null;
  const { concurrency, multipartBytes } = app.settings.upload;
  const store = openS3Store({ ...app.settings.s3, concurrency, multipartBytes }, app.report, app.clock);
  try {
    return (await store.head(key, AbortSignal.timeout(HEAD_DEADLINE_MS))) ?? null;
  } catch (error) {
    return { error: messageOf(error) }; // the rest of the trace is worth having while the store is away
  } finally {
    store.close();
  }
}

type Found = VersionOnDisk | { readonly error: string } | null;

async function factsOf(path: string): Promise<Found> {
  try {
    const { size, mtime, mtimeMs } = await lstat(path);
    return { size, mtimeMs: Math.floor(mtimeMs), modified: mtime.toISOString() };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    return { error: messageOf(error) }; // what the rows and the bucket know is worth having all the same
  }
}

function publicFacts(found: Found): OnDisk {
  return found === null || 'error' in found ? found : { bytes: found.size, modified: found.modified };
}
