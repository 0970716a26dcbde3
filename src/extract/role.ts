import { dirname } from 'node:path';
import type { App } from '../app.ts';
import { FAULTS, WavspoolError, errnoOf, faultCode, messageOf, type FaultCode } from '../faults.ts';
import { guardDirectory, type DirectoryGuard } from '../linux/index.ts';
import { EVERYBODY, createHold, uploadJobs, type Hold, type Outcome, type Payload } from '../queue/index.ts';
import type { RecordingsRole } from '../role.ts';
import { isDirectoryFailing, sweepTemporaries } from '../runtime/index.ts';
import type { TarVersion } from '../state/index.ts';
import { openS3Store, type ObjectStore } from '../store/index.ts';
import { verdict } from '../verdict.ts';

import { askStore } from './ask-store.ts';
import { batchSize } from './batch-size.ts';
import type { ExtractDeps } from './deps.ts';
import { extractTar } from './extract-tar.ts';
import { waitsAlone } from './host-trouble.ts';
import { createSyncShell } from './sync-file-system.ts';
import { createTurns } from './turns.ts';

/** A tar that killed its worker this often is a failed tar and blocks nobody any longer. */
const MAX_CRASHES = 3;
/** How long extraction waits before it looks again whether there is room or the backlog is down. */
const LOOK_AGAIN_MS = 5000;
/** Where all of them wait, each tar that is looked at takes its time: a long queue is not to go round and round. */
const PACE_MS = 250;
/** Reading a bad sector takes long, and holds up others. */
const READ_AGAIN_MS = 30_000;
/** A job that waits comes back long before. */
const FORGET_MS = 2 * READ_AGAIN_MS;
const COUNT_AGAIN_MS = 2000;
const PAGE = 500;
/** Extraction runs ahead of the uploads, which are what everybody waits for: it takes a third of a core that both want. */
const NICE = 5;

/** Unpacks queued tars. */
export const extractRole: RecordingsRole = {
  name: 'extract',
  nice: NICE,
  start: async (app) => {
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
        turns: createTurns(app.clock),
        syncFileSystem: shell.sync,
        needs: new Map(),
        askStore: askStore(openStore(app), app.settings.s3.prefix, extracted, stopping.signal),
      },
    };
    const worker = app.queues.work<'extract'>({
      kind: 'extract',
      concurrency: app.settings.extract.concurrency,
      process: (payload, signal) => processTar(extractor, versionOf(payload), signal),
      poison: {
        maxCrashes: MAX_CRASHES,
        convict: (payload) =>
          giveUp(
            app,
            versionOf(payload),
            new WavspoolError('TAR_POISON', `${payload.tar} ended its worker ${MAX_CRASHES} times`),
          ),
      },
    });
    return {
      held: () => extractor.hold.current(),
      work: { queue: 'extract', worker, limit: app.settings.extract.concurrency },
      stop: async (graceMs) => {
        stopping.abort();
        const handedBack = await worker.stop(graceMs);
        await sweeping;
        shell.close();
        return handedBack;
      },
    };
  },
};

/** What a crash has left, beside the work: it is looked for among all that was ever extracted, which takes seconds for a million. */
async function sweep(
  { settings, clock, report }: App,
  guard: DirectoryGuard,
  signal: AbortSignal,
): Promise<void> {
  const directory = settings.paths.extracted;
  try {
    while (!signal.aborted && (await guard.away()) !== undefined) await clock.sleep(LOOK_AGAIN_MS, signal);
    const files = await sweepTemporaries(directory, clock.now(), { signal });
    if (files > 0) report('temporary files swept', { directory, files });
  } catch (err) {
    if (!signal.aborted) report('unexpected fault', { err });
  }
}

function openStore({ settings, report, clock }: App): () => ObjectStore {
  const { concurrency, multipartBytes } = settings.upload;
  return () => openS3Store({ ...settings.s3, concurrency, multipartBytes }, report, clock);
}

interface Extractor {
  readonly app: App;
  readonly backlog: BacklogGuard;
  readonly hold: Hold;
  readonly stopping: AbortSignal;
  /** What all tars of this process share. */
  readonly inProcess: Required<Pick<ExtractDeps, 'turns' | 'syncFileSystem' | 'askStore' | 'needs' | 'away'>>;
}

async function processTar(extractor: Extractor, tar: TarVersion, signal: AbortSignal): Promise<Outcome> {
  const { app, backlog, hold, inProcess } = extractor;
  try {
    const away = await inProcess.away();
    if (away !== undefined) return await laterForAll(extractor, 'host', away);
    const wait = backlog.reasonToWait();
    if (wait !== undefined) return await laterForAll(extractor, 'backlog', wait);
    const { settings, state, clock, report } = app;
    const { incoming, extracted } = settings.paths;
    const deps: ExtractDeps = {
      state,
      limits: settings.extract,
      unterminated: settings.arrival.unterminated,
      incoming,
      extracted,
      clock,
      report,
      ...inProcess,
      batchSize: (taken) => batchSize(taken, backlog.waiting(), settings.upload.concurrency),
    };
    await extractTar(deps, tar, signal);
    for (const who of [EVERYBODY, tar.path, dirname(tar.path)]) hold.goesOn(who);
    await enqueueUploads(app, tar.path, backlog);
    return { kind: 'done' };
  } catch (error) {
    if (signal.aborted) return { kind: 'hand back' };
    return afterFailure(extractor, tar, error);
  }
}

/** State first, queue second: the rows are committed, a crash before the last add is repaired by the rescan. */
async function enqueueUploads(app: App, tar: string, backlog: BacklogGuard): Promise<void> {
  const { order } = app.settings.arrival;
  for (let after = 0; ;) {
    const page = app.state.tarRecordings(tar, after, PAGE);
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.rowid;
    const open = page.filter(({ row }) => row.status === 'PENDING');
    backlog.added(open.map(({ row }) => row.size ?? 0));
    await app.queues.upload.ensure(uploadJobs(open, order, app.clock.now()));
  }
}

/** Keeps extraction from running ahead of the uploads. */
interface BacklogGuard {
  /** Why no tar may be extracted now: the uploads are too far behind. */
  readonly reasonToWait: () => string | undefined;
  /** About how many recordings wait for their upload. */
  readonly waiting: () => number;
  /** Recordings of so many bytes each have been added to what waits. */
  readonly added: (sizes: readonly number[]) => void;
}

/** Asked for every tar, it counts every 2 s, and in between adds what this process has extracted since. */
function backlogGuard({ state, settings, clock }: App): BacklogGuard {
  const { maxBacklog } = settings.extract;
  let backlog = { ...state.backlog() };
  let countedAtMs = clock.monotonicMs();
  return {
    reasonToWait: () => {
      if (clock.monotonicMs() - countedAtMs > COUNT_AGAIN_MS) {
        backlog = { ...state.backlog() };
        countedAtMs = clock.monotonicMs();
      }
      const { recordings, bytes } = backlog;
      if (recordings > maxBacklog.recordings)
        return `${recordings} recordings wait for their upload, extract.maxBacklog.recordings is ${maxBacklog.recordings}`;
      if (bytes > maxBacklog.bytes)
        return `${bytes} bytes wait for their upload, extract.maxBacklog.bytes is ${maxBacklog.bytes}`;
      return undefined;
    },
    waiting: () => backlog.recordings,
    added: (sizes) => {
      backlog.recordings += sizes.length;
      backlog.bytes += sizes.reduce((sum, size) => sum + size, 0);
    },
  };
}

function later(
  hold: Hold,
  who: string,
  cause: string,
  why: string,
): { readonly kind: 'later'; readonly delayMs: number; readonly why: string } {
  hold.waits(who, cause, why);
  return { kind: 'later', delayMs: LOOK_AGAIN_MS, why };
}

async function laterForAll({ app, hold, stopping }: Extractor, cause: string, why: string): Promise<Outcome> {
  const outcome = later(hold, EVERYBODY, cause, why);
  await app.clock.sleep(PACE_MS, stopping);
  return outcome;
}

/** A tar that cannot be had because the landing directory fails is not the tar's fault. */
async function codeOf({ settings }: App, error: unknown): Promise<FaultCode> {
  const code = faultCode(error);
  if (code !== 'TAR_MISSING' && code !== 'FILE_UNREADABLE') return code;
  return (await isDirectoryFailing(settings.paths.incoming)) ? 'HOST_FAILING' : code;
}

async function afterFailure(extractor: Extractor, tar: TarVersion, error: unknown): Promise<Outcome> {
  const { app, hold, inProcess } = extractor;
  const away = await inProcess.away();
  if (away !== undefined) return laterForAll(extractor, 'host', away); // whatever it met with
  const code = await codeOf(app, error);
  if (code === 'TAR_CHANGED') return { kind: 'done' }; // a new version is a new tar: its own job is on its way
  if (code === 'REDIS_UNREACHABLE') return { kind: 'later', delayMs: LOOK_AGAIN_MS, why: messageOf(error) };
  // P7: a store that is asked about a taken-over row and is away costs the tar nothing either
  if (FAULTS[code].retry === 'when there is room' || FAULTS[code].retry === 'when the store is back') {
    const { cause } = FAULTS[code];
    const why = messageOf(error);
    if (code === 'TAR_NEEDS_ROOM') return later(hold, tar.path, cause, why);
    // one word for all tars of its directory, which may be thousands
    if (await waitsAlone(error, app.settings.paths.extracted))
      return later(hold, dirname(tar.path), cause, why);
    return laterForAll(extractor, cause, why);
  }
  // a bad sector is the disk's fault: the tar goes on when the disk is mended, and is named until then
  if (code === 'FILE_UNREADABLE' && error instanceof Error && errnoOf(error.cause) === 'EIO')
    return { ...later(hold, dirname(tar.path), 'host', messageOf(error)), delayMs: READ_AGAIN_MS };
  const { maxRetries, backoff } = app.settings.upload;
  const failedBefore = app.state.failedTar(tar.path);
  // a job that comes back after it was given up was re-queued by an operator: a fresh budget
  const retriesBefore =
    failedBefore === undefined || failedBefore.retryCount >= maxRetries ? -1 : failedBefore.retryCount;
  const retryCount = retriesBefore + 1;
  const next = verdict(code, retryCount, { maxRetries, ...backoff }, app.dice());
  if (next.kind !== 'retry') {
    await giveUp(app, tar, error);
    return { kind: 'give up', why: messageOf(error) };
  }
  await app.state.markTarFailed(tar, { cause: next.cause, message: messageOf(error), retryCount });
  app.report('tar failed', {
    tar: tar.path,
    attempt: retryCount + 1,
    final: false,
    code,
    cause: next.cause,
    err: error,
  });
  return { kind: 'later', delayMs: next.delayMs, why: messageOf(error) };
}

async function giveUp(app: App, tar: TarVersion, error: unknown): Promise<void> {
  const code = faultCode(error);
  const { cause } = FAULTS[code];
  const { maxRetries } = app.settings.upload;
  await app.state.markTarFailed(tar, { cause, message: messageOf(error), retryCount: maxRetries });
  app.report('tar failed', { tar: tar.path, attempt: maxRetries + 1, final: true, code, cause, err: error });
}

function versionOf(payload: Payload<'extract'>): TarVersion {
  return { path: payload.tar, size: payload.size, mtimeMs: payload.mtimeMs };
}
