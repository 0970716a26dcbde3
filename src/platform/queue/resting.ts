import type { Worker } from 'bullmq';
import type { Report } from '../../domain/events.ts';
import type { Clock } from '../runtime/index.ts';
import { repeatedly } from './connection.ts';

/** So long a worker lets a Redis alone that takes no writes; without it both spin: 5,000 errors a second were counted. */
const REST_MS = 1000;
/** Those that come as the text of another error, too. */
const REFUSALS =
  /^(?:MISCONF|OOM|READONLY|LOADING|BUSY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|NOAUTH|NOPERM|WRONGPASS|UNBLOCKED)\b/;

/**
 * Whether Redis is there and does not do what it is asked: its disk or its memory is full, it loads, it is a replica, has too few
 * replicas, is a part of a cluster that is down, knows another password. What it answers is always one; a worker asks again at
 * once, so whatever it is, without a rest both spin.
 */
export function isRefusal(error: Error): boolean {
  return error.name === 'ReplyError' || REFUSALS.test(error.message) || error.message.includes('OOM command');
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
