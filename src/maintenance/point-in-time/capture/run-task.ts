import type { CaptureResult } from './capture-pages.ts';
import type { PointInTimeDatabase } from '../archive/archive.ts';
import type { FullBackupRules } from '../archive/chain.ts';
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { EventName, Events, Report } from '../../../domain/events.ts';
import { FAULTS, WavspoolError, type FaultCode } from '../../../domain/faults.ts';
import { childEnvironment, type Clock } from '../../../platform/runtime/index.ts';

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

export type Said =
  | { readonly kind: 'report'; readonly event: string; readonly fields: object }
  | { readonly kind: 'done'; readonly result: unknown }
  /** `code` is that of a fault of ours, else undefined. */
  | {
      readonly kind: 'failed';
      readonly code: string | undefined;
      readonly message: string;
      readonly stack: string;
    };

export type Asked = { readonly kind: 'start'; readonly task: Task } | { readonly kind: 'abort' };

const PROGRAM = join(import.meta.dirname, 'task-process.ts');
/** A process that was told to stop and does not is killed after so long. */
const STOP_MS = 15_000;

/**
 * Runs a task in a process of its own: it may read the files of a live database, block and die there without harm to this
 * one. It ends with this process, whatever ends this one. Rejects with the task's fault, UNKNOWN when it died, or the abort's
 * reason.
 */
export async function runTask<T extends Task>(
  deps: { readonly clock: Clock; readonly report: Report },
  task: T,
  signal: AbortSignal,
): Promise<Outcomes[T['task']]> {
  signal.throwIfAborted();
  const child = fork(PROGRAM, [], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [],
    env: childEnvironment(),
  });
  const ended = new AbortController();
  const abort = (): void => void stop(child, deps.clock, ended.signal);
  signal.addEventListener('abort', abort, { once: true });
  try {
    const result = await conversation(child, task, deps.report);
    return result as Outcomes[T['task']];
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    ended.abort();
    signal.removeEventListener('abort', abort);
  }
}

async function stop(child: ChildProcess, clock: Clock, ended: AbortSignal): Promise<void> {
  tell(child, { kind: 'abort' });
  await clock.sleep(STOP_MS, ended);
  if (!ended.aborted) child.kill('SIGKILL');
}

function tell(child: ChildProcess, asked: Asked): void {
  // it may have ended meanwhile: its exit says so
  if (child.connected) child.send(asked, () => undefined);
}

/** Resolves when the process is gone, so that all that it held is free. */
function conversation(child: ChildProcess, task: Task, report: Report): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let last: Exclude<Said, { kind: 'report' }> | undefined;
    child.on('message', (said: Said) => {
      if (said.kind === 'report') report(said.event as EventName, said.fields as Events[EventName]);
      else last = said;
    });
    child.once('error', reject);
    child.once('exit', (exitCode, killedBy) => {
      if (last?.kind === 'done') resolve(last.result);
      else if (last?.kind === 'failed') reject(faultOf(last));
      else reject(new Error(`the process for "${task.task}" died (${killedBy ?? `exit code ${exitCode}`})`));
    });
    tell(child, { kind: 'start', task });
  });
}

function faultOf({ code, message, stack }: Extract<Said, { kind: 'failed' }>): Error {
  if (code !== undefined && code in FAULTS) return new WavspoolError(code as FaultCode, message);
  return new Error(message, { cause: stack });
}
