import type { IngestDeps } from '../deps.ts';
import { WavspoolError } from '../../domain/faults.ts';
import { guardDirectory, type DirectoryGuard, createSyncShell } from '../../platform/linux/index.ts';
import { createHold, type Payload, type RunningRole } from '../../platform/queue/index.ts';
import { sweepTemporaries } from '../../platform/runtime/index.ts';
import type { TarVersion } from '../../domain/tar.ts';
import { openStore } from '../../platform/s3/index.ts';
import { askStore } from './ask-store.ts';
import { backlogGuard } from './backlog.ts';
import { MOST_LONG, createLongRuns } from './long-runs.ts';
import { FORGET_MS, LOOK_AGAIN_MS, giveUp, processTar, type Extractor } from './process-tar.ts';
import { createTimeSlices } from './time-slices.ts';

/** A tar that killed its worker this often is a failed tar and blocks no other any longer. */
const MAX_CRASHES = 3;

/** Unpacks queued tars until it is stopped. */
export async function startExtraction(app: IngestDeps): Promise<RunningRole> {
  const { data: dataDirectory, extracted, incoming } = app.settings.paths;
  const stopping = new AbortController();
  const guarding = { dataDirectory, report: app.report };
  const guard = await guardDirectory(extracted, guarding);
  const landing = await guardDirectory(incoming, guarding);
  const away = async (): Promise<string | undefined> => (await guard.away()) ?? (await landing.away());
  const sweeping = sweep(app, guard, stopping.signal);
  const shell = createSyncShell();
  const extractor: Extractor = {
    app,
    backlog: backlogGuard(app),
    hold: createHold(app.clock, app.report, { what: 'extraction', forgetMs: FORGET_MS }),
    stopping: stopping.signal,
    inProcess: {
      away,
      turns: createTimeSlices(app.clock),
      syncFileSystem: shell.sync,
      needs: new Map(),
      askStore: askStore(() => openStore(app), app.settings.s3.prefix, extracted, stopping.signal),
    },
  };
  const { concurrency } = app.settings.extract;
  const long = createLongRuns(app.clock);
  // before the first job: the heartbeat repeats it
  await app.queues.extract.limitConcurrency(concurrency).catch(() => undefined); // Redis is away, and there are no jobs
  const worker = app.queues.work<'extract'>({
    kind: 'extract',
    concurrency: concurrency + MOST_LONG, // over all processes it is the limit below
    process: (payload, signal) => long.run(() => processTar(extractor, versionOf(payload), signal)),
    poison: {
      maxCrashes: MAX_CRASHES,
      giveUp: (payload) =>
        giveUp(
          app,
          versionOf(payload),
          new WavspoolError('TAR_POISON', `${payload.tar} ended its worker ${MAX_CRASHES} times`),
        ),
    },
  });
  return {
    held: () => extractor.hold.current(),
    work: {
      queue: 'extract',
      worker,
      get limit() {
        return concurrency + long.count();
      },
    },
    stop: async (graceMs) => {
      stopping.abort();
      const released = await worker.stop(graceMs);
      await sweeping;
      shell.close();
      return released;
    },
  };
}

/** What a crash has left, beside the work: it is looked for among all that was ever extracted, which takes seconds for a million. */
async function sweep(
  { settings, clock, report }: IngestDeps,
  guard: DirectoryGuard,
  signal: AbortSignal,
): Promise<void> {
  const directory = settings.paths.extracted;
  try {
    while (!signal.aborted && (await guard.away()) !== undefined) await clock.sleep(LOOK_AGAIN_MS, signal);
    const files = await sweepTemporaries(directory, clock.now(), { signal });
    if (files > 0) report('temporary files swept', { directory, files });
  } catch (err) {
    if (!signal.aborted) report('temporary files not swept', { directory, err });
  }
}

function versionOf(payload: Payload<'extract'>): TarVersion {
  return { path: payload.tar, size: payload.size, mtimeMs: payload.mtimeMs };
}
