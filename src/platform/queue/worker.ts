import { DelayedError, UnrecoverableError, WaitingError, Worker, type Job } from 'bullmq';
import { startGrace, type Clock } from '../runtime/index.ts';
import { isConnectionFault, isRefusal, type RedisConnection } from '../redis/index.ts';
import { queueName, type QueueKind, type SiteKeys } from './names.ts';
import { reclaimOrphans, register } from './orphans.ts';
import { restingWorker } from './resting.ts';
import { jobRunner, type JobCounts, type Outcome, type RunnerOptions } from './job-runner.ts';

export interface WorkerOptions<K extends QueueKind> extends SiteKeys, RunnerOptions<K> {
  readonly concurrency: number;
  /** How long a job stays with a worker that is not heard of any more; a minute unless told otherwise. */
  readonly lockMs?: number;
  readonly redis: RedisConnection;
}

export interface RunningWorker extends JobCounts {
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
/** After so long without a job, a worker that is closed has told Redis everything, or Redis is not there: who is next takes over. */
const GOODBYE_MS = 3000;
const GOODBYE_LOOK_MS = 100;
/** Enough to look at what happened; the truth is in state.db. */
const KEPT_COMPLETED = 1000;

/** Runs a queue's jobs until stopped. Jobs may run twice (after a lost lock): processing must be safe to repeat. */
export function startWorker<K extends QueueKind>(options: WorkerOptions<K>): RunningWorker {
  const { site, prefix, kind, concurrency, lockMs = LOCK_MS, redis, clock, report } = options;
  const runner = jobRunner(options);
  let released = 0;

  // three parameters: only then does BullMQ hand over the signal
  const processor = async (
    job: Job,
    token: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    const outcome = await runner.run(job, signal ?? new AbortController().signal);
    if (outcome.kind === 'release') released += 1;
    else runner.goesOn();
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
  let worker = makeWorker(concurrency);
  void takePlace(worker, options);
  const resting = restingWorker(() => worker, clock, report);

  return {
    active: () => runner.active(),
    lastFinishedAt: () => runner.lastFinishedAt(),
    finished: () => runner.finished(),
    isHeld: () => worker.isPaused(),
    recreate: async () => {
      const old = worker;
      redis.disconnect(true); // it may be lost without knowing; this one comes back by itself
      worker = makeWorker(old.concurrency);
      void takePlace(worker, options);
      await old.close(true);
    },
    hold: () => resting.hold(),
    release: (jobs) => {
      worker.concurrency = jobs;
      resting.release();
    },
    stop: async (graceMs) => {
      await stopWorker(worker, runner, clock, graceMs);
      return released;
    },
  };
}

async function stopWorker(worker: Worker, runner: JobCounts, clock: Clock, graceMs: number): Promise<void> {
  const closed = worker.close();
  const grace = startGrace(clock, graceMs, () => worker.cancelAllJobs('shutdown'));
  const ended = new AbortController();
  await Promise.race([closed, quietFor(GOODBYE_MS, runner, clock, ended.signal)]);
  ended.abort();
  await grace.over();
}

/** Resolves once no job has run here for `ms`, or at the signal. */
async function quietFor(ms: number, jobs: JobCounts, clock: Clock, signal: AbortSignal): Promise<void> {
  let since = clock.monotonicMs();
  while (!signal.aborted && clock.monotonicMs() - since < ms) {
    await clock.sleep(GOODBYE_LOOK_MS, signal);
    if (jobs.active() > 0) since = clock.monotonicMs();
  }
}

/** Makes a worker known to the others of its queue, and takes over the jobs of those that are gone. */
async function takePlace<K extends QueueKind>(
  worker: Worker,
  { kind, redis, clock, report }: WorkerOptions<K>,
): Promise<void> {
  try {
    await register(worker, redis, clock);
    const jobs = await reclaimOrphans(worker, redis, clock);
    if (jobs > 0) report('orphans reclaimed', { queue: kind, jobs });
  } catch (err) {
    report('orphans not reclaimed', { queue: kind, err });
  }
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
