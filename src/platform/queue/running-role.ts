import type { HeldWork } from '../presence/index.ts';
import type { QueueKind } from './names.ts';
import type { RunningWorker } from './worker.ts';

/** What a role can be asked while it runs. */
export interface RunningRole {
  /** For the heartbeat and the watchdog; absent for a role without a queue. */
  readonly work?: {
    readonly queue: QueueKind;
    readonly worker: RunningWorker;
    /** Jobs that may run at once, over all processes. */
    readonly limit: number;
  };
  /** The same of a role that works without a queue. */
  readonly unqueued?: Pick<RunningWorker, 'active' | 'finished' | 'lastFinishedAt'>;
  /** What it does not do now although there is work, and why; absent, or undefined, while it does all of it. */
  readonly held?: () => HeldWork | undefined;
  /** For a role without a queue: why it does not get on although it should; undefined while it does. */
  readonly stall?: () => OwnStall | undefined;
  /** Takes no new work, finishes what runs within `graceMs` or releases it; returns how many jobs it released. */
  stop(graceMs: number): Promise<number>;
}

/** Work that a role should do and does not get on with, although nothing holds it. */
export interface OwnStall {
  /** A sentence without its full stop. */
  readonly what: string;
  /** Since when, ms since 1970. */
  readonly since: number;
}
