import type { Worker } from 'bullmq';
import type { Report } from '../events.ts';
import type { Clock } from '../runtime/index.ts';

/** So long a worker lets a Redis alone that takes no writes; without it both spin: 5,000 errors a second were counted. */
const REST_MS = 1000;
/** A lasting refusal is reported at first, then this often. */
const REPEAT_MS = 30_000;

/** Whether Redis is there and takes no writes: its disk or its memory is full, it loads, or it is a replica. */
export function isRefusal(error: Error): boolean {
  return (
    /^(MISCONF|OOM|READONLY|LOADING|BUSY|MASTERDOWN)\b/.test(error.message) ||
    error.message.includes('OOM command')
  );
}

/** A worker's pauses: those that its owner asks for, and those that Redis makes necessary. */
export interface Resting {
  hold(): Promise<void>;
  release(): void;
  /** Redis refused: rest for a moment. */
  refused(error: Error): void;
}

/** Pauses for the worker that `current` returns; it may be another one later. */
export function restingWorker(current: () => Worker, clock: Clock, report: Report): Resting {
  let held = false;
  let resting = false;
  let refusals = 0;
  let reportedAt = Number.NEGATIVE_INFINITY;

  const resume = (): void => {
    if (held || resting || !current().isPaused()) return;
    current()
      .resume()
      .catch((err: unknown) => report('unexpected fault', { err }));
  };
  const rest = async (): Promise<void> => {
    resting = true;
    await current().pause(true);
    await clock.sleep(REST_MS);
    resting = false;
    resume();
  };
  return {
    hold: async () => {
      held = true;
      await current().pause(true);
    },
    release: () => {
      held = false;
      resume();
    },
    refused: (err) => {
      refusals += 1;
      if (clock.monotonicMs() - reportedAt >= REPEAT_MS) {
        reportedAt = clock.monotonicMs();
        report('redis refuses', { err, times: refusals });
      }
      if (!resting) rest().catch((cause: unknown) => report('unexpected fault', { err: cause }));
    },
  };
}
