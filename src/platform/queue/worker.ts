import { DelayedError, UnrecoverableError, WaitingError, Worker, type Job } from 'bullmq';
import type { Report } from '../../domain/events.ts';
import { messageOf } from '../../domain/faults.ts';
import { startGrace, type Clock } from '../runtime/index.ts';
import { givenUpBefore, readPayload, type Payload } from './jobs.ts';
import { isConnectionFault, isRefusal, redisFault, type RedisConnection } from '../redis/index.ts';
import { queueName, type QueueKind, type SiteKeys } from './names.ts';
import { reclaimOrphans, register } from './orphans.ts';
import { PUT_OFF_MS, createQuarantine } from './quarantine.ts';
import { restingWorker } from './resting.ts';

/** What became of a job; {@link carryOut} carries it out in BullMQ's terms. */
export type Outcome =
  | { readonly kind: 'done' }
  /** Nobody's fault: it goes back to the head of the queue. */
  | { readonly kind: 'release' }
  /** It starts again after `delayMs`; `why` stands in the job's own log. */
  | { readonly kind: 'later'; readonly delayMs: number; readonly why: string }
  /** It stays among the failed jobs until an operator retries or removes it. */
  | { readonly kind: 'give up'; readonly why: string };

export interface WorkerOptions<K extends QueueKind> extends SiteKeys {
  readonly kind: K;
  readonly concurrency: number;
  /** How long a job stays with a worker that is not heard of any more; a minute unless told otherwise. */
  readonly lockMs?: number;
  readonly redis: RedisConnection;
  readonly clock: Clock;
  readonly report: Report;
  /**
   * Does the work; never rejects but for a bug, then the job is tried again after a minute. The signal means: release. A
   * job of many parts says after each that it goes on.
   */
  process(payload: Payload<K>, signal: AbortSignal, goesOn: () => void): Promise<Outcome>;
  /** What becomes of a job that was running each time when its worker died; without it, it is tried for ever. */
  readonly poison?: {
    /** So many times in a row may be chance. */
    readonly maxCrashes: number;
    /** Notes that the job was given up. */
    readonly giveUp: (payload: Payload<K>) => Promise<void>;
  };
}

export interface RunningWorker {
  /** Jobs that run at this moment, in this process. */
  active(): number;
  /** When a job or a part of one last ended here, in `clock.monotonicMs()`; undefined before the first. */
  lastFinishedAt(): number | undefined;
  /** Jobs and parts of jobs that ended here. */
  finished(): number;
  /** Whether {@link hold} keeps it from taking jobs. */
  isHeld(): boolean;
  /** Makes the worker and its connections anew; only for a worker that has no jobs. */
  recreate(): Promise<void>;
  /** Takes no new jobs; what runs goes on. */
  hold(): Promise<void>;
  /** Takes new jobs again, at most `concurrency` at once. */
  release(concurrency: number): void;
  /** Takes no new work, waits `graceMs` for what runs, then releases it; returns how many jobs were released. */
  stop(graceMs: number): Promise<number>;
}

// A lock outlives every pause of the event loop that is not itself a fault; all workers of a queue agree on the interval,
// because the last one that looks for stalled jobs decides it for the others.
const LOCK_MS = 60_000;
const STALLED_CHECKS_PER_LOCK = 4;
const NEVER = 1_000_000;
/** Enough to look at what happened; the truth is in state.db. */
const KEPT_COMPLETED = 1000;
const AFTER_A_BUG_MS = 60_000;

/** Runs a queue's jobs until stopped. Jobs may run twice (after a lost lock): processing must be safe to repeat. */
export function startWorker<K extends QueueKind>(options: WorkerOptions<K>): RunningWorker {
  const { site, prefix, kind, concurrency, lockMs = LOCK_MS, redis, clock, report } = options;
  let lastFinishedAt: number | undefined;
  let finished = 0;
  let active = 0;
  let released = 0;

  const quarantine = createQuarantine(clock);

  const goesOn = (): void => {
    finished += 1;
    lastFinishedAt = clock.monotonicMs();
  };

  const run = async (job: Job, signal: AbortSignal): Promise<Outcome> => {
    active += 1;
    try {
      const payload = readPayload(kind, job.data);
      const why = givenUpBefore(payload);
      if (why !== undefined && job.attemptsMade === 0) return { kind: 'give up', why }; // later runs are an operator's wish
      return await options.process(payload, signal, goesOn);
    } catch (err) {
      const name = redisFault(err) === undefined ? 'job crashed' : 'job interrupted';
      report(name, { queue: kind, job: job.id ?? '', err, againInMs: AFTER_A_BUG_MS });
      return { kind: 'later', delayMs: AFTER_A_BUG_MS, why: messageOf(err) };
    } finally {
      active -= 1;
    }
  };

  /** As run, with a count in the job of how often it was started and did not end, because the process did. */
  const runCounted = async (
    job: Job,
    signal: AbortSignal,
    { maxCrashes, giveUp }: NonNullable<typeof options.poison>,
  ): Promise<Outcome> => {
    const crashes = crashesOf(job.progress);
    if (crashes >= maxCrashes) {
      await giveUp(readPayload(kind, job.data));
      await job.updateProgress({ crashes: 0 }); // an operator who retries it gives it a fresh budget
      return { kind: 'give up', why: `it ended its worker ${crashes} times` };
    }
    const isSuspect = crashes > 0;
    if (!quarantine.start(isSuspect))
      return { kind: 'later', delayMs: PUT_OFF_MS, why: 'another runs alone' };
    try {
      await job.updateProgress({ crashes: crashes + 1 });
      const outcome = await run(job, signal);
      await job.updateProgress({ crashes: 0 });
      return outcome;
    } finally {
      quarantine.end(isSuspect);
    }
  };

  // three parameters: only then does BullMQ hand over the signal
  const processor = async (
    job: Job,
    token: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    const cancelled = signal ?? new AbortController().signal;
    const { poison } = options;
    const outcome = await (poison === undefined ? run(job, cancelled) : runCounted(job, cancelled, poison));
    if (outcome.kind === 'release') released += 1;
    else goesOn();
    await carryOut(job, token, outcome, clock);
  };

  const makeWorker = (jobs: number): Worker => {
    const made = new Worker(queueName(site, kind), processor, {
      connection: redis,
      prefix,
      concurrency: jobs,
      lockDuration: lockMs,
      stalledInterval: lockMs / STALLED_CHECKS_PER_LOCK,
      maxStalledCount: NEVER, // a job that stalls may only have been fetched; who started it counts
      removeOnComplete: { count: KEPT_COMPLETED },
    });
    made.on('error', (err) => {
      if (isRefusal(err)) resting.refused(err);
      // BullMQ repeats on its workers what the connection's own listener has reported already
      else if (!isConnectionFault(err))
        report(isLockFault(err) ? 'job lock lost' : 'worker fault', { queue: kind, err });
    });
    return made;
  };
  const present = (made: Worker): void => {
    const takeWork = async (): Promise<void> => {
      await register(made, redis, clock);
      const jobs = await reclaimOrphans(made, redis, clock);
      if (jobs > 0) report('orphans reclaimed', { queue: kind, jobs });
    };
    takeWork().catch((err: unknown) => report('orphans not reclaimed', { queue: kind, err }));
  };
  let worker = makeWorker(concurrency);
  present(worker);
  const resting = restingWorker(() => worker, clock, report);

  return {
    active: () => active,
    lastFinishedAt: () => lastFinishedAt,
    finished: () => finished,
    isHeld: () => worker.isPaused(),
    recreate: async () => {
      const old = worker;
      redis.disconnect(true); // it may be lost without knowing; this one comes back by itself
      worker = makeWorker(old.concurrency);
      present(worker);
      await old.close(true);
    },
    hold: () => resting.hold(),
    release: (jobs) => {
      worker.concurrency = jobs;
      resting.release();
    },
    stop: async (graceMs) => {
      const closed = worker.close();
      const grace = startGrace(clock, graceMs, () => worker.cancelAllJobs('shutdown'));
      await closed;
      await grace.over();
      return released;
    },
  };
}

/** Carries out an outcome; BullMQ learns of everything but completion through its control errors. */
async function carryOut(job: Job, token: string | undefined, outcome: Outcome, clock: Clock): Promise<void> {
  switch (outcome.kind) {
    case 'done':
      return;
    case 'release':
      await job.moveToWait(token);
      throw new WaitingError();
    case 'later':
      await job.log(outcome.why);
      await job.moveToDelayed(clock.now() + outcome.delayMs, token);
      throw new DelayedError();
    case 'give up':
      throw new UnrecoverableError(outcome.why);
  }
}

/** What BullMQ says of a job that another worker has taken over, because this one was too slow to say that it goes on. */
function isLockFault(error: Error): boolean {
  return /^(?:could not renew lock|Missing lock|Lock mismatch) for job/.test(error.message);
}

function crashesOf(progress: Job['progress']): number {
  const isCount =
    typeof progress === 'object' && 'crashes' in progress && typeof progress.crashes === 'number';
  return isCount ? Number(progress.crashes) : 0;
}
