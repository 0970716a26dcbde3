import { dirname } from 'node:path';
import type { IngestDeps } from '../deps.ts';
import { FAULTS, errnoOf, faultCode, messageOf, type FaultCode } from '../../domain/faults.ts';
import { EVERYBODY, uploadJobs, type Hold, type Outcome } from '../../platform/queue/index.ts';
import { everyPage } from '../../platform/paging/index.ts';
import { isDirectoryFailing } from '../../platform/runtime/index.ts';
import type { TarVersion } from '../../domain/tar.ts';
import { decideRetry } from '../../domain/decide-retry.ts';
import type { BacklogGuard } from './backlog.ts';
import { batchSize } from './batch-size.ts';
import { extractDeps, type ExtractDeps } from './deps.ts';
import { extractTar } from './extract-tar.ts';
import { waitsAlone } from './host-trouble.ts';

/** How long extraction waits before it looks again whether there is room or the backlog is down. */
export const LOOK_AGAIN_MS = 5000;
/** Where all of them wait, each tar that is looked at takes its time: a long queue is not to go round and round. */
const PACE_MS = 250;
/** Reading a bad sector takes long, and holds up others. */
const READ_AGAIN_MS = 30_000;
/** A job that waits comes back long before. */
export const FORGET_MS = 2 * READ_AGAIN_MS;
const PAGE = 500;

/**
 * What is no failure of the tar, and when it is tried again. PLACE_TAKEN: another tar was committed first, with other bytes of that
 * name; the next look finds the name taken.
 */
const NOT_ITS_FAULT: Partial<Record<FaultCode, number>> = {
  REDIS_UNREACHABLE: LOOK_AGAIN_MS,
  REDIS_REFUSES: LOOK_AGAIN_MS,
  PLACE_TAKEN: 0,
};

/** What every tar of this process is extracted with. */
export interface Extractor {
  readonly app: IngestDeps;
  readonly backlog: BacklogGuard;
  readonly hold: Hold;
  readonly stopping: AbortSignal;
  /** What all tars of this process share. */
  readonly inProcess: Required<Pick<ExtractDeps, 'turns' | 'syncFileSystem' | 'askStore' | 'needs' | 'away'>>;
}

/** Extracts one tar and says what becomes of its job. Never rejects but for a bug. Safe to repeat. */
export async function processTar(
  extractor: Extractor,
  tar: TarVersion,
  signal: AbortSignal,
): Promise<Outcome> {
  const { app, backlog, hold, inProcess } = extractor;
  try {
    const away = await inProcess.away();
    if (away !== undefined) return await laterForAll(extractor, 'host', away);
    const wait = await backlog.reasonToWait();
    if (wait !== undefined) return await laterForAll(extractor, 'backlog', wait);
    const deps: ExtractDeps = {
      ...extractDeps(app),
      ...inProcess,
      batchSize: (taken) => batchSize(taken, backlog.waiting(), app.settings.upload.concurrency),
    };
    await extractTar(deps, tar, signal);
  } catch (error) {
    // what fails while the process ends, as a question to the store that is cut off, says nothing of the tar
    if (signal.aborted || extractor.stopping.aborted) return { kind: 'release' };
    try {
      return await afterFailure(extractor, tar, error);
    } catch (fault) {
      if (FAULTS[faultCode(fault)].cause !== 'state') throw fault;
      return laterForAll(extractor, 'state', messageOf(fault)); // what cannot be written down is not counted
    }
  }
  for (const who of [EVERYBODY, tar.path, dirname(tar.path)]) hold.goesOn(who);
  return queueUploads(extractor, tar, signal);
}

/** The tar is extracted, whatever Redis or `state.db` say of it from here on: it fails no more. */
async function queueUploads(
  { app, backlog }: Extractor,
  tar: TarVersion,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    await enqueueUploads(app, tar.path, backlog);
    return { kind: 'done' };
  } catch (error) {
    if (signal.aborted) return { kind: 'release' };
    return { kind: 'later', delayMs: LOOK_AGAIN_MS, why: messageOf(error) };
  }
}

/** State first, queue second: the rows are committed, a crash before the last add is repaired by the rescan. */
async function enqueueUploads(app: IngestDeps, tar: string, backlog: BacklogGuard): Promise<void> {
  const { order } = app.settings.arrival;
  const pages = everyPage((after) => app.ledger.recordings.pendingUnits(tar, { after, limit: PAGE }));
  for await (const units of pages) {
    backlog.added(units.flatMap(({ sizes }) => sizes));
    await app.queues.upload.ensure(uploadJobs(units, order, app.clock.now()));
  }
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
async function codeOf({ settings }: IngestDeps, error: unknown): Promise<FaultCode> {
  const code = faultCode(error);
  if (code !== 'TAR_MISSING' && code !== 'FILE_UNREADABLE') return code;
  return (await isDirectoryFailing(settings.paths.incoming)) ? 'HOST_FAILING' : code;
}

async function afterFailure(extractor: Extractor, tar: TarVersion, error: unknown): Promise<Outcome> {
  const away = await extractor.inProcess.away();
  if (away !== undefined) return laterForAll(extractor, 'host', away); // whatever it met with
  const code = await codeOf(extractor.app, error);
  return (await unlessItsFault(extractor, tar, code, error)) ?? countFailure(extractor.app, tar, code, error);
}

/** What becomes of the job where the tar has no part in the failure; undefined where it has. */
async function unlessItsFault(
  extractor: Extractor,
  tar: TarVersion,
  code: FaultCode,
  error: unknown,
): Promise<Outcome | undefined> {
  const { app, hold } = extractor;
  if (code === 'TAR_CHANGED') return { kind: 'done' }; // a new version is a new tar: its own job is on its way
  const delayMs = NOT_ITS_FAULT[code];
  if (delayMs !== undefined) return { kind: 'later', delayMs, why: messageOf(error) };
  // P7: a store that is asked about a legacy row and is away costs the tar nothing either
  const { retry, cause } = FAULTS[code];
  if (retry === 'when there is room' || retry === 'when the store is back' || cause === 'state') {
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
  return undefined;
}

/** Notes that the tar failed once more, and whether it is tried again. */
async function countFailure(
  app: IngestDeps,
  tar: TarVersion,
  code: FaultCode,
  error: unknown,
): Promise<Outcome> {
  const { maxRetries, backoff } = app.settings.upload;
  const failedBefore = await app.ledger.tars.failure(tar.path);
  // a job that comes back after it was given up was re-queued by an operator: a fresh budget
  const retriesBefore =
    failedBefore === undefined || failedBefore.retryCount >= maxRetries ? -1 : failedBefore.retryCount;
  const retryCount = retriesBefore + 1;
  const next = decideRetry(code, retryCount, { maxRetries, ...backoff }, app.random());
  if (next.kind !== 'retry') {
    await giveUp(app, tar, error);
    return { kind: 'give up', why: messageOf(error) };
  }
  await app.ledger.tars.fail(tar, { cause: next.cause, message: messageOf(error), retryCount });
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

/** Writes down that the tar waits for an operator. Throws a fault of `state.db`. */
export async function giveUp(app: IngestDeps, tar: TarVersion, error: unknown): Promise<void> {
  const code = faultCode(error);
  const { cause } = FAULTS[code];
  const { maxRetries } = app.settings.upload;
  await app.ledger.tars.fail(tar, { cause, message: messageOf(error), retryCount: maxRetries });
  app.report('tar failed', { tar: tar.path, attempt: maxRetries + 1, final: true, code, cause, err: error });
}
