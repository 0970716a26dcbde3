import type { App } from '../app.ts';
import { FAULTS, faultCode, messageOf } from '../faults.ts';
import type { Outcome } from '../queue/index.ts';
import type { DirectoryGuard } from '../runtime/index.ts';
import type { RecordingRow } from '../state/index.ts';
import { verdict } from '../verdict.ts';
import { extractAgain } from './extract-again.ts';
import type { SecondOpinion } from './second-opinion.ts';
import type { StoreGate } from './store-gate.ts';
import { commitReceipt, putRecording, type UploadDeps } from './upload-recording.ts';

/** What served as a probe waits a little, so that the next probe is another recording. */
const AFTER_A_PROBE_MS = 2000;
/** How long a recording waits while the disk that it lies on is away. */
const LOOK_AGAIN_MS = 5000;

/** What every recording of this process is uploaded with. */
export interface Uploader {
  readonly app: App;
  readonly deps: UploadDeps;
  readonly gate: StoreGate;
  readonly guard: DirectoryGuard;
  readonly opinion: SecondOpinion;
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
  const row = uploader.app.state.recording(path);
  if (row === undefined || row.status === 'SUCCESS') return { kind: 'done' };
  const tried = await tryRecording(uploader, row, signal);
  return tried.kind === 'stored' ? tried.committed : tried.outcome;
}

/** As {@link processRecording}, for an open row, without waiting for the commit. */
export async function tryRecording(
  uploader: Uploader,
  found: RecordingRow,
  signal: AbortSignal,
): Promise<Tried> {
  const { app, deps, gate, guard } = uploader;
  if (guard.wasAway() && !guard.isThere()) return { kind: 'not stored', outcome: diskAway(app) };
  const row = await withBudget(app, found);
  try {
    const stored = await putRecording(deps, row, signal);
    gate.succeeded(row.path);
    const committed = commitReceipt(deps, row, stored).then(
      (): Outcome => ({ kind: 'done' }),
      (fault: unknown) => notWrittenDown(app, row, fault),
    );
    return { kind: 'stored', committed };
  } catch (failure) {
    return { kind: 'not stored', outcome: await outcomeOf(uploader, row, failure, signal) };
  }
}

/** Only an operator brings back what was given up: "Retry" in Bull Board does what `wavspool requeue` does. */
async function withBudget(app: App, row: RecordingRow): Promise<RecordingRow> {
  if (row.status !== 'FAILED' || row.retryCount < app.settings.upload.maxRetries) return row;
  await app.state.requeue([row.path]);
  app.report('recording requeued', { recording: row.path, by: 'Bull Board' });
  return { ...row, status: 'PENDING', retryCount: 0 };
}

async function outcomeOf(
  { app, gate, guard, opinion }: Uploader,
  row: RecordingRow,
  failure: unknown,
  signal: AbortSignal,
): Promise<Outcome> {
  if (signal.aborted) return { kind: 'hand back' };
  if (!guard.isThere()) return diskAway(app); // nothing is wrong with a recording whose disk is gone
  const here = faultCode(failure);
  if (FAULTS[here].retry === 'when there is room' || FAULTS[here].cause === 'state')
    return notWrittenDown(app, row, failure);
  const { whose, error } = gate.failed(await opinion(failure, row.size ?? Infinity), row.path);
  if (whose === 'recording') return afterFailure(app, row, error);
  if (whose === 'probe') return { kind: 'later', delayMs: AFTER_A_PROBE_MS, why: messageOf(error) };
  return { kind: 'hand back' }; // P7: the row stays as it is
}

function diskAway({ settings }: App): Outcome {
  return { kind: 'later', delayMs: LOOK_AGAIN_MS, why: `${settings.paths.extracted} is away` };
}

/** What cannot be written down is this host's trouble: the recording is tried again, and nothing is counted. */
function notWrittenDown({ report }: App, { path }: RecordingRow, fault: unknown): Outcome {
  const reason = messageOf(fault);
  report('uploading waits', { recording: path, reason });
  return { kind: 'later', delayMs: LOOK_AGAIN_MS, why: reason };
}

async function afterFailure(app: App, row: RecordingRow, error: unknown): Promise<Outcome> {
  const code = faultCode(error);
  const { maxRetries, backoff } = app.settings.upload;
  const message = messageOf(error);
  // the first failure leaves retry_count 0, each later one counts the retry that it ended
  const retryCount = row.status === 'FAILED' ? row.retryCount + 1 : row.retryCount;
  const next = verdict(code, retryCount, { maxRetries, ...backoff }, app.dice());
  const { cause } = FAULTS[code];
  const attempt = retryCount + 1;
  if (code === 'RECORDING_CHANGED' || code === 'RECORDING_MISSING') await extractAgain(app, row);
  if (next.kind === 'give up') {
    await app.state.markFailed(row.path, { cause, message, retryCount: maxRetries });
    app.report('recording failed', { recording: row.path, attempt, final: true, code, cause, err: error });
    return { kind: 'give up', why: message };
  }
  const delayMs = next.kind === 'retry' ? next.delayMs : 0;
  await app.state.markFailed(row.path, { cause, message, retryCount });
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
