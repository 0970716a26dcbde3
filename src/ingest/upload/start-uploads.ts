import { hostname } from 'node:os';
import type { IngestDeps } from '../deps.ts';
import { guardDirectory } from '../../platform/linux/index.ts';
import { createHold, type RunningRole, type RunningWorker } from '../../platform/queue/index.ts';
import { every } from '../../platform/runtime/index.ts';
import { openStore } from '../../platform/s3/index.ts';
import { bandwidth } from './bandwidth.ts';
import { processBatch } from './process-batch.ts';
import { FORGET_MS, processRecording, type Uploader } from './process-recording.ts';
import { askStore, findingOf, outageProbe } from './outage-probe.ts';
import { circuitBreaker } from './circuit-breaker.ts';
import type { UploadDeps } from './upload-recording.ts';

/** As large as most recordings' first packets together: what a network that cuts bodies does not let through. */
const PROBE_BYTES = 64 * 1024;
const COUNT_WORKERS_MS = 10_000;

/** Uploads queued recordings until it is stopped. */
export async function startUploads(app: IngestDeps): Promise<RunningRole> {
  const { settings, clock, random, report, ledger, queues } = app;
  const { concurrency, bytesPerSecond } = settings.upload;
  const store = await openStore(app);
  store.prepare();
  const share = siteShare(app);
  const { extracted } = settings.paths;
  const guards = await guardDirectories(app);
  const hold = createHold(clock, report, { what: 'upload', forgetMs: FORGET_MS });
  const stopping = new AbortController();
  const deps: UploadDeps = {
    recordings: ledger.recordings,
    store,
    clock,
    report,
    bandwidth: bandwidth(bytesPerSecond, settings.timezone, clock, share.current),
    site: settings.site,
    prefix: settings.s3.prefix,
    incoming: settings.paths.incoming,
    extracted,
  };
  let worker: RunningWorker | undefined;
  const running = (): RunningWorker => {
    if (worker === undefined) throw new Error('the upload worker has not started yet');
    return worker;
  };
  const who = `${hostname()}:${process.pid}`;
  const breaker = circuitBreaker({
    worker: running,
    concurrency,
    shared: queues.shared,
    ask: async (whole, signal) => findingOf(await askStore(store, PROBE_BYTES, whole, signal)),
    clock,
    random,
    report,
    who,
  });
  const probe = outageProbe(store);
  const uploader: Uploader = { app, deps, breaker, guards, hold, probe, stopping: stopping.signal };
  worker = queues.work<'upload'>({
    kind: 'upload',
    concurrency,
    process: (payload, signal, goesOn) =>
      'recordings' in payload
        ? processBatch(uploader, payload.recordings, signal, goesOn)
        : processRecording(uploader, payload.recording, signal),
  });
  return {
    work: { queue: 'upload', worker, limit: concurrency },
    held: () => breaker.held() ?? hold.current(),
    stop: async (graceMs) => {
      stopping.abort();
      breaker.stop();
      share.stop();
      const released = await running().stop(graceMs);
      store.close();
      return released;
    },
  };
}

async function guardDirectories({ settings, report }: IngestDeps): Promise<Uploader['guards']> {
  const { data: dataDirectory, extracted, incoming } = settings.paths;
  const guarding = { dataDirectory, report };
  return {
    extracted: await guardDirectory(extracted, guarding),
    incoming: await guardDirectory(incoming, guarding),
  };
}

/** This process's share of the site's bandwidth: one over the number of upload processes, looked up every 10 s. */
function siteShare(app: IngestDeps): { current: () => number; stop: () => void } {
  const stopped = new AbortController();
  let processes = 1;
  const count = async (): Promise<void> => {
    const roles = await app.queues.shared.heartbeats();
    processes = Math.max(1, roles.filter(({ role }) => role.split('+').includes('upload')).length);
  };
  const failed = (err: unknown, times: number): void =>
    app.report('upload processes not counted', { err, times });
  void every(COUNT_WORKERS_MS, count, { clock: app.clock, signal: stopped.signal, failed });
  return { current: () => 1 / processes, stop: () => stopped.abort() };
}
