import type { CaptureResult } from './capture-pages.ts';
import type { PointInTimeDatabase } from '../archive/archive.ts';
import type { FullBackupRules } from '../archive/chain.ts';
import { join } from 'node:path';
import type { EventName, Events, Report } from '../../../domain/events.ts';
import { childEnvironment, runInProcess, type Clock } from '../../../platform/runtime/index.ts';

// What crosses the border between a process of wavspool and the one that reads a live database's files for it.

/** Reading a live database into its archive. */
export interface Work<T extends 'capture' | 'ship'> {
  readonly task: T;
  readonly database: PointInTimeDatabase;
  readonly rules: FullBackupRules;
  /** What the asker's clock is ahead of this host's. */
  readonly aheadMs: number;
}

/** What such a process is asked for. */
export type Task =
  | Work<'capture'>
  | Work<'ship'>
  /** Verify the chains that have ended. */
  | {
      readonly task: 'verify ended';
      readonly database: PointInTimeDatabase;
      readonly aheadMs: number;
    }
  /** Make a copy stand alone and check it. */
  | { readonly task: 'finish'; readonly path: string };

/** What a task comes to. */
export interface Outcomes {
  readonly capture: CaptureResult;
  readonly ship: null;
  readonly 'verify ended': null;
  readonly finish: readonly string[];
}

/** What is reported meanwhile. */
export interface Reported {
  readonly event: string;
  readonly fields: object;
}

const PROGRAM = join(import.meta.dirname, 'task-process.ts');

/**
 * Runs a task in a process of its own: it may read the files of a live database, block and die there without harm to this one. Rejects
 * with the task's fault, UNKNOWN when it died, or the abort's reason.
 */
export async function runTask<T extends Task>(
  { clock, report }: { readonly clock: Clock; readonly report: Report },
  task: T,
  signal: AbortSignal,
): Promise<Outcomes[T['task']]> {
  const hear = ({ event, fields }: Reported): void => report(event as EventName, fields as Events[EventName]);
  const asked = { program: PROGRAM, name: task.task, env: childEnvironment(), task, hear };
  return (await runInProcess(asked, clock, signal)) as Outcomes[T['task']];
}
