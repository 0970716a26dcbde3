import type { Job } from 'bullmq';
import type { Report } from '../../domain/events.ts';
import { messageOf } from '../../domain/faults.ts';
import type { Clock } from '../runtime/index.ts';
import { redisFault } from '../redis/index.ts';
import { givenUpBefore, readPayload, type Payload } from './jobs.ts';
import type { QueueKind } from './names.ts';
import { PUT_OFF_MS, createQuarantine } from './quarantine.ts';

/** What became of a job; the worker carries it out in BullMQ's terms. */
export type Outcome =
  | { readonly kind: 'done' }
  /** No fault of the job's: it goes back to the head of the queue. */
  | { readonly kind: 'release' }
  /** It starts again after `delayMs`; `why` stands in the job's own log. */
  | { readonly kind: 'later'; readonly delayMs: number; readonly why: string }
  /** It stays among the failed jobs until an operator retries or removes it. */
  | { readonly kind: 'give up'; readonly why: string };

export interface RunnerOptions<K extends QueueKind> {
  readonly kind: K;
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

export interface JobCounts {
  /** Jobs that run at this moment, in this process. */
  active(): number;
  /** When a job or a part of one last ended here, in `clock.monotonicMs()`; undefined before the first. */
  lastFinishedAt(): number | undefined;
  /** Jobs and parts of jobs that ended here. */
  finished(): number;
}

export interface JobRunner extends JobCounts {
  /** Runs a job; never rejects but for a Redis that cannot be told of it. */
  run(job: Job, signal: AbortSignal): Promise<Outcome>;
  /** A job or a part of one has ended. */
  goesOn(): void;
}

const AFTER_A_BUG_MS = 60_000;

/** Runs jobs, and counts in each how often it was started and did not end, because its process did. */
export function jobRunner<K extends QueueKind>(options: RunnerOptions<K>): JobRunner {
  const { kind, clock, report, poison } = options;
  const quarantine = createQuarantine(clock);
  let lastFinishedAt: number | undefined;
  let finished = 0;
  let active = 0;

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

  const runCounted = async (
    job: Job,
    signal: AbortSignal,
    { maxCrashes, giveUp }: NonNullable<typeof poison>,
  ): Promise<Outcome> => {
    const crashes = crashesOf(job.progress);
    if (crashes >= maxCrashes) {
      await giveUp(readPayload(kind, job.data));
      await job.updateProgress({ crashes: 0 }); // an operator who retries it gives it a fresh budget
      return { kind: 'give up', why: `it ended its worker ${crashes} times` };
    }
    const place = quarantine.start(crashes > 0);
    if (place === undefined) return { kind: 'later', delayMs: PUT_OFF_MS, why: 'another runs alone' };
    try {
      if (place.isCounted) await job.updateProgress({ crashes: crashes + 1 });
      const outcome = await run(job, signal);
      await job.updateProgress({ crashes: 0 });
      return outcome;
    } finally {
      place.end();
    }
  };

  return {
    run: (job, signal) => (poison === undefined ? run(job, signal) : runCounted(job, signal, poison)),
    goesOn,
    active: () => active,
    finished: () => finished,
    lastFinishedAt: () => lastFinishedAt,
  };
}

function crashesOf(progress: Job['progress']): number {
  const isCount =
    typeof progress === 'object' && 'crashes' in progress && typeof progress.crashes === 'number';
  return isCount ? Number(progress.crashes) : 0;
}
