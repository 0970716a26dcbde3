import { lstat } from 'node:fs/promises';
import type { App } from '../app.ts';
import { errnoOf, messageOf } from '../faults.ts';
import { extractWork, uploadJobId } from '../queue/index.ts';
import type { FailedTar, Progress, RecordingRow, TarRow } from '../state/index.ts';
import { openS3Store, type ObjectHead } from '../store/index.ts';

interface FileFacts {
  readonly bytes: number;
  readonly modified: string;
}

export interface TarTrace {
  readonly kind: 'tar';
  readonly path: string;
  readonly onDisk: FileFacts | null;
  readonly extraction: TarRow | null;
  readonly failure: FailedTar | null;
  readonly job: string;
  readonly recordings: Progress;
}

export interface RecordingTrace {
  readonly kind: 'recording';
  readonly path: string;
  readonly onDisk: FileFacts | null;
  readonly row: RecordingRow;
  readonly tries: number;
  readonly job: string;
  readonly object: ObjectHead | { readonly error: string } | null;
  readonly tar: TarTrace | null;
}

export type Trace =
  | TarTrace
  | RecordingTrace
  | { readonly kind: 'unknown'; readonly path: string; readonly onDisk: FileFacts | null };

const HEAD_DEADLINE_MS = 10_000;

/** Everything that the disk, `state.db`, the queues and the store know of the tar or recording at an absolute path. */
export async function trace(app: App, path: string): Promise<Trace> {
  const row = app.state.recording(path);
  if (row !== undefined) return traceRecording(app, row);
  const tar = await traceTar(app, path);
  if (tar.extraction !== null || tar.failure !== null || tar.job !== 'unknown') return tar;
  return { kind: 'unknown', path, onDisk: tar.onDisk };
}

async function traceTar(app: App, path: string): Promise<TarTrace> {
  const onDisk = await factsOf(path);
  const extraction = app.state.tar(path) ?? null;
  const failure = app.state.failedTar(path) ?? null;
  const size = onDisk?.bytes ?? failure?.size ?? extraction?.size ?? 0;
  const mtimeMs =
    onDisk === null ? (failure?.mtimeMs ?? extraction?.mtimeMs ?? 0) : Math.floor(onDisk.mtimeMs);
  const job = await app.queues.extract.state(extractWork({ path, size, mtimeMs }, 0).id);
  const recordings = app.state.tarProgress(path);
  return { kind: 'tar', path, onDisk: publicFacts(onDisk), extraction, failure, job, recordings };
}

async function traceRecording(app: App, row: RecordingRow): Promise<RecordingTrace> {
  const tries = row.status === 'PENDING' && row.retryCount === 0 ? 0 : row.retryCount + 1;
  return {
    kind: 'recording',
    path: row.path,
    onDisk: publicFacts(await factsOf(row.path)),
    row,
    tries,
    job: await app.queues.upload.state(uploadJobId(row)),
    object: await objectOf(app, row.key),
    tar: row.tar === undefined ? null : await traceTar(app, row.tar),
  };
}

async function objectOf(app: App, key: string | undefined): Promise<RecordingTrace['object']> {
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

async function factsOf(path: string): Promise<(FileFacts & { readonly mtimeMs: number }) | null> {
  try {
    const { size, mtime, mtimeMs } = await lstat(path);
    return { bytes: size, modified: mtime.toISOString(), mtimeMs };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}

function publicFacts(facts: FileFacts | null): FileFacts | null {
  return facts === null ? null : { bytes: facts.bytes, modified: facts.modified };
}
