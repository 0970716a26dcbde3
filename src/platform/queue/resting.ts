import type { Worker } from 'bullmq';
import type { Report } from '../../domain/events.ts';
import { repeatedly } from '../redis/index.ts';
import type { Clock } from '../runtime/index.ts';

/** So long a worker lets a Redis alone that takes no writes; without it both spin: 5,000 errors a second were counted. */
const REST_MS = 1000;
/** A worker's pauses: those that its owner asks for, and those that Redis makes necessary. */
export interface Resting {
  hold(): Promise<void>;
  release(): void;
  /** Redis refused: rest for a moment. */
  refused(error: Error): void;
}

/** Pauses for the worker that `current` returns; it may be another one later. */
export function restingWorker(current: () => Worker, clock: Clock, report: Report): Resting {
  const failed = (err: unknown): void => report('worker not paused', { queue: current().name, err });
  let held = false;
  let resting = false;
  const refused = repeatedly(report, clock);

  const resume = (): void => {
    if (held || resting || !current().isPaused()) return;
    current()
      .resume()
      .catch((err: unknown) => report('worker not resumed', { queue: current().name, err }));
  };
  const rest = async (): Promise<void> => {
    resting = true;
    await current().pause(true).catch(failed); // what is not paused is not resumed either
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
      refused(err);
      if (!resting) void rest();
    },
  };
}
