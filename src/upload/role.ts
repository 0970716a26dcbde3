import { hostname } from 'node:os';
import type { App } from '../app.ts';
import { FAULTS, faultCode, messageOf } from '../faults.ts';
import type { Outcome, RunningWorker } from '../queue/index.ts';
import type { Role } from '../role.ts';
import { guardDirectory, makeDirectory, type DirectoryGuard } from '../runtime/index.ts';
import type { RecordingRow } from '../state/index.ts';
import { openS3Store } from '../store/index.ts';
import { verdict } from '../verdict.ts';
import { bandwidth } from './bandwidth.ts';
import { extractAgain } from './extract-again.ts';
import { faultOf, secondOpinion, type SecondOpinion } from './second-opinion.ts';
import { storeGate, type StoreGate } from './store-gate.ts';
import { uploadRecording, type UploadDeps } from './upload-recording.ts';

/** What served as a probe waits a little, so that the next probe is another recording. */
const AFTER_A_PROBE_MS = 2000;
/** How long a recording waits while the disk that it lies on is away. */
const LOOK_AGAIN_MS = 5000;
/** As large as most recordings' first packets together: what a network that cuts bodies does not let through. */
const PROBE_BYTES = 64 * 1024;
const COUNT_WORKERS_MS = 10_000;

/** Uploads queued recordings. */
export const uploadRole: Role = {
  name: 'upload',
  start: async (app) => {
    const { settings, clock, dice, report, state, queues } = app;
    const { concurrency, multipartBytes, bytesPerSecond } = settings.upload;
    const store = openS3Store({ ...settings.s3, multipartBytes, concurrency }, report, clock);
    store.prepare();
    const share = siteShare(app);
    await makeDirectory(settings.paths.extracted);
    const guard = guardDirectory(settings.paths.extracted, report);
    const deps: UploadDeps = {
      state,
      store,
      clock,
      report,
      bandwidth: bandwidth(bytesPerSecond, settings.timezone, clock, share.current),
      prefix: settings.s3.prefix,
      incoming: settings.paths.incoming,
      extracted: settings.paths.extracted,
    };
    let worker: RunningWorker | undefined;
    const running = (): RunningWorker => {
      if (worker === undefined) throw new Error('the upload worker has not started yet');
      return worker;
    };
    const who = `${hostname()}:${process.pid}`;
    const gate = storeGate({
      worker: running,
      concurrency,
      shared: queues.shared,
      faultOf: (signal) => faultOf(store, PROBE_BYTES, signal),
      isIdle: async () => {
        const { waiting, active } = await queues.upload.counts();
        return waiting + active === 0;
      },
      clock,
      dice,
      report,
      who,
    });
    const opinion = secondOpinion(store);
    worker = queues.work<'upload'>({
      kind: 'upload',
      concurrency,
      process: (payload, signal) =>
        processRecording({ app, deps, gate, guard, opinion }, payload.recording, signal),
    });
    return {
      work: { queue: 'upload', worker, limit: concurrency },
      stop: async (graceMs) => {
        gate.stop();
        share.stop();
        const handedBack = await running().stop(graceMs);
        store.close();
        return handedBack;
      },
    };
  },
};

interface Uploader {
  readonly app: App;
  readonly deps: UploadDeps;
  readonly gate: StoreGate;
  readonly guard: DirectoryGuard;
  readonly opinion: SecondOpinion;
}

async function processRecording(
  { app, deps, gate, guard, opinion }: Uploader,
  path: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const diskAway = (): Outcome => {
    return { kind: 'later', delayMs: LOOK_AGAIN_MS, why: `${app.settings.paths.extracted} is away` };
  };
  if (guard.wasAway() && !guard.isThere()) return diskAway();
  let row = app.state.recording(path);
  if (row === undefined || row.status === 'SUCCESS') return { kind: 'done' };
  if (row.status === 'FAILED' && row.retryCount >= app.settings.upload.maxRetries) {
    // only an operator brings back what was given up: "Retry" in Bull Board does what `wavspool requeue` does
    await app.state.requeue([path]);
    app.report('recording requeued', { recording: path, by: 'Bull Board' });
    row = { ...row, status: 'PENDING', retryCount: 0 };
  }
  try {
    await uploadRecording(deps, row, signal);
    gate.succeeded();
    return { kind: 'done' };
  } catch (failure) {
    if (signal.aborted) return { kind: 'hand back' };
    if (!guard.isThere()) return diskAway(); // nothing is wrong with a recording whose disk is gone
    const here = faultCode(failure);
    if (FAULTS[here].retry === 'when there is room' || FAULTS[here].cause === 'state') {
      // what cannot be written down is this host's trouble: the recording is tried again, and nothing is counted
      app.report('uploading waits', { recording: path, reason: messageOf(failure) });
      return { kind: 'later', delayMs: LOOK_AGAIN_MS, why: messageOf(failure) };
    }
    const error = await opinion(failure, row.size ?? Infinity);
    const whose = gate.failed(error, path);
    if (whose === 'recording') return afterFailure(app, row, error);
    if (whose === 'probe') return { kind: 'later', delayMs: AFTER_A_PROBE_MS, why: messageOf(error) };
    return { kind: 'hand back' }; // P7: the row stays as it is
  }
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

/** This process's share of the site's bandwidth: one over the number of upload processes, looked up every 10 s. */
function siteShare(app: App): { current: () => number; stop: () => void } {
  const stopped = new AbortController();
  let processes = 1;
  const count = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      try {
        const roles = await app.queues.shared.heartbeats();
        processes = Math.max(1, roles.filter(({ role }) => role.split('+').includes('upload')).length);
      } catch (err) {
        app.report('heartbeat failed', { err });
      }
      await app.clock.sleep(COUNT_WORKERS_MS, stopped.signal);
    }
  };
  count().catch((err: unknown) => app.report('unexpected fault', { err }));
  return { current: () => 1 / processes, stop: () => stopped.abort() };
}
