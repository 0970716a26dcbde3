import { existsSync } from 'node:fs';
import type { IngestDeps } from '../deps.ts';
import { FAULTS, faultCode, messageOf } from '../../domain/faults.ts';
import type { DirectoryGuard } from '../../platform/linux/index.ts';
import { EVERYBODY, type Hold, type Outcome } from '../../platform/queue/index.ts';
import { isDiskFailing } from '../../platform/runtime/index.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import { decideRetry } from '../../domain/decide-retry.ts';
import { extractAgain } from './extract-again.ts';
import type { OutageProbe } from './outage-probe.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import { commitUpload, putRecording, type Stored, type UploadDeps } from './upload-recording.ts';

/** What served as a probe waits a little longer than the store is away, so that others are tried before it: it may be its own fault. */
const AFTER_A_PROBE_MS = 2000;
/** How long a recording waits while the disk that it lies on is away. */
const LOOK_AGAIN_MS = 5000;
/** Where all of them wait, each that is looked at takes its time: a long queue is not to go round and round. */
const PACE_MS = 1000;
/** A recording that waits comes back long before. */
export const FORGET_MS = 4 * LOOK_AGAIN_MS;

/** What every recording of this process is uploaded with. */
export interface Uploader {
  readonly app: IngestDeps;
  readonly deps: UploadDeps;
  readonly breaker: CircuitBreaker;
  /** Of `paths.extracted`, and of the landing directory, where recordings lie that have no file. */
  readonly guards: { readonly extracted: DirectoryGuard; readonly incoming: DirectoryGuard };
  readonly hold: Hold;
  readonly probe: OutageProbe;
  readonly stopping: AbortSignal;
}

/** What a try came to. `stored`: it lies in the bucket, and its row is being committed; that never rejects. */
export type Tried =
  | { readonly kind: 'stored'; readonly committed: Promise<Outcome> }
  | { readonly kind: 'not stored'; readonly outcome: Outcome };

/**
 * Uploads one recording, commits what became of it and says what becomes of its job. Never rejects but for a bug. Safe to
 * repeat.
 */
export async function processRecording(
  uploader: Uploader,
  path: string,
  signal: AbortSignal,
): Promise<Outcome> {
  return orHostsTrouble(uploader, async () => {
    const row = await uploader.app.ledger.recordings.get(path);
    if (row === undefined || row.status === 'SUCCESS') return { kind: 'done' };
    const tried = await tryRecording(uploader, row, signal);
    return tried.kind === 'stored' ? tried.committed : tried.outcome;
  });
}

/** What the ledger cannot tell or take, because it is away or damaged, is the host's trouble and costs no recording a retry (P7). */
export async function orHostsTrouble(uploader: Uploader, act: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await act();
  } catch (fault) {
    const { cause, retry } = FAULTS[faultCode(fault)];
    if (cause !== 'state' && retry !== 'when there is room') throw fault;
    return hostsTrouble(uploader, messageOf(fault));
  }
}

/** As {@link processRecording}, for an open row, without waiting for the commit. */
export async function tryRecording(
  uploader: Uploader,
  found: RecordingRow,
  signal: AbortSignal,
): Promise<Tried> {
  const { app, deps, breaker } = uploader;
  const guard = guardOf(uploader, found);
  const away = guard.wasAway() === undefined ? undefined : await guard.away();
  if (away !== undefined) return { kind: 'not stored', outcome: await hostsTrouble(uploader, away) };
  const row = await withBudget(app, found);
  try {
    const stored = await putRecording(deps, row, signal);
    breaker.succeeded(row.path);
    return { kind: 'stored', committed: commit(uploader, row, stored, signal) };
  } catch (failure) {
    return { kind: 'not stored', outcome: await outcomeOf(uploader, row, failure, signal) };
  }
}

/** Never rejects. A key that the ledger has given to a recording of another site is answered with the next one (P5). */
async function commit(
  uploader: Uploader,
  row: RecordingRow,
  stored: Stored,
  signal: AbortSignal,
): Promise<Outcome> {
  const { app, deps, hold } = uploader;
  try {
    await commitUpload(deps, row, stored);
    hold.goesOn(EVERYBODY);
    return { kind: 'done' };
  } catch (fault) {
    if (faultCode(fault) !== 'KEY_TAKEN') return hostsTrouble(uploader, messageOf(fault));
    return orHostsTrouble(uploader, async () => {
      try {
        const next = await putRecording(deps, row, signal, stored.object.key);
        return await commit(uploader, row, next, signal);
      } catch (error) {
        if (signal.aborted) return { kind: 'release' };
        return faultCode(error) === 'KEY_TAKEN'
          ? afterFailure(app, row, error)
          : outcomeOf(uploader, row, error, signal);
      }
    });
  }
}

/** Of the directory that its bytes lie in. */
function guardOf({ guards }: Uploader, { source }: RecordingRow): DirectoryGuard {
  return source === undefined ? guards.extracted : guards.incoming;
}

/** Only an operator brings back what was given up: "Retry" in Bull Board does what `wavspool requeue` does. */
async function withBudget(app: IngestDeps, row: RecordingRow): Promise<RecordingRow> {
  if (row.status !== 'FAILED' || row.retryCount < app.settings.upload.maxRetries) return row;
  await app.ledger.recordings.requeue([row.path]);
  app.report('recording requeued', { recording: row.path, by: 'Bull Board' });
  return { ...row, status: 'PENDING', retryCount: 0 };
}

async function outcomeOf(
  uploader: Uploader,
  row: RecordingRow,
  failure: unknown,
  signal: AbortSignal,
): Promise<Outcome> {
  const { app, breaker, probe } = uploader;
  if (signal.aborted) return { kind: 'release' };
  const away = await guardOf(uploader, row).away();
  if (away !== undefined) return hostsTrouble(uploader, away); // nothing is wrong with a recording whose disk is gone
  if (await isHosts(app, row, failure)) return hostsTrouble(uploader, messageOf(failure));
  // its disk was away for the moment: it is there, and was not when it was read
  if (faultCode(failure) === 'RECORDING_MISSING' && existsSync(row.source?.tar ?? row.path))
    return { kind: 'later', delayMs: 0, why: messageOf(failure) };
  const { whose, error, probeInMs } = breaker.failed(await probe(failure, row.size ?? Infinity), row.path);
  if (whose === 'recording') return afterFailure(app, row, error);
  if (whose === 'probe')
    return { kind: 'later', delayMs: Math.round(probeInMs) + AFTER_A_PROBE_MS, why: messageOf(error) };
  return { kind: 'release' }; // P7: the row stays as it is
}

/** Whether a failure is the host's: its disk, its ledger, its room. */
async function isHosts(
  { settings }: IngestDeps,
  { source }: RecordingRow,
  failure: unknown,
): Promise<boolean> {
  const code = faultCode(failure);
  const { retry, cause } = FAULTS[code];
  if (retry === 'when there is room' || cause === 'state') return true;
  const directory = settings.paths[source === undefined ? 'extracted' : 'incoming'];
  return code === 'FILE_UNREADABLE' && isDiskFailing(directory);
}

/** What cannot be read or written down for this host's sake: the recording is tried again, and nothing is counted. */
async function hostsTrouble({ app, hold, stopping }: Uploader, why: string): Promise<Outcome> {
  hold.waits(EVERYBODY, 'host', why);
  await app.clock.sleep(PACE_MS, stopping);
  return { kind: 'later', delayMs: LOOK_AGAIN_MS, why };
}

async function afterFailure(app: IngestDeps, row: RecordingRow, error: unknown): Promise<Outcome> {
  const code = faultCode(error);
  const { maxRetries, backoff } = app.settings.upload;
  const message = messageOf(error);
  // the first failure leaves retry_count 0, each later one counts the retry that it ended
  const retryCount = row.status === 'FAILED' ? row.retryCount + 1 : row.retryCount;
  const next = decideRetry(code, retryCount, { maxRetries, ...backoff }, app.random());
  const { cause } = FAULTS[code];
  const attempt = retryCount + 1;
  if (code === 'RECORDING_CHANGED' || code === 'RECORDING_MISSING') await extractAgain(app, row);
  if (next.kind === 'give up') {
    await app.ledger.recordings.failed(row.path, { cause, message, retryCount: maxRetries });
    app.report('recording failed', { recording: row.path, attempt, final: true, code, cause, err: error });
    return { kind: 'give up', why: message };
  }
  const delayMs = next.kind === 'retry' ? next.delayMs : 0;
  await app.ledger.recordings.failed(row.path, { cause, message, retryCount });
  app.report('recording failed', {
    recording: row.path,
    attempt,
    final: false,
    delayMs,
    code,
    cause,
    err: error,
  });
  return { kind: 'later', delayMs, why: message };
}
