import { fork, type ChildProcess } from 'node:child_process';
import { FAULTS, WavspoolError, messageOf, type FaultCode } from '../../domain/faults.ts';
import type { Clock } from './clock.ts';

// A task in a process of its own: runInProcess() asks for it, serveTask() is the other end. Either ends with the other.

/** To the process. */
type Asked<Task> = { readonly kind: 'start'; readonly task: Task } | { readonly kind: 'abort' };

/** From the process; the last is `done` or `failed`. */
type Said<Told> =
  | { readonly kind: 'told'; readonly told: Told }
  | { readonly kind: 'done'; readonly result: unknown }
  /** `code` is that of a fault of ours, else undefined. */
  | {
      readonly kind: 'failed';
      readonly code: string | undefined;
      readonly message: string;
      readonly stack: string;
    };

/** A process that was told to stop and does not is killed after so long. */
const STOP_MS = 15_000;

export interface TaskProcess<Task, Told> {
  /** The module to run; it calls {@link serveTask}. */
  readonly program: string;
  /** For messages. */
  readonly name: string;
  readonly env: NodeJS.ProcessEnv;
  /** As JSON. */
  readonly task: Task;
  /** Hears what the task tells while it works. */
  readonly hear: (told: Told) => void;
}

/**
 * Runs a task in a process of its own, and resolves with its result when the process is gone, so that all that it held is free. It ends
 * with this process, whatever ends this one. Rejects with the task's fault, UNKNOWN when it died, or the abort's reason.
 */
export async function runInProcess<Task, Told>(
  asked: TaskProcess<Task, Told>,
  clock: Clock,
  signal: AbortSignal,
): Promise<unknown> {
  signal.throwIfAborted();
  const { program, env } = asked;
  const child = fork(program, [], { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] });
  const ended = new AbortController();
  const abort = (): void => void stop(child, clock, ended.signal);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await conversation(child, asked);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    ended.abort();
    signal.removeEventListener('abort', abort);
  }
}

async function stop(child: ChildProcess, clock: Clock, ended: AbortSignal): Promise<void> {
  ask(child, { kind: 'abort' });
  await clock.sleep(STOP_MS, ended);
  if (!ended.aborted) child.kill('SIGKILL');
}

function ask<Task>(child: ChildProcess, asked: Asked<Task>): void {
  // it may have ended meanwhile: its exit says so
  if (child.connected) child.send(asked, () => undefined);
}

function conversation<Task, Told>(
  child: ChildProcess,
  { name, task, hear }: TaskProcess<Task, Told>,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let last: Exclude<Said<Told>, { kind: 'told' }> | undefined;
    child.on('message', (said: Said<Told>) => {
      if (said.kind === 'told') hear(said.told);
      else last = said;
    });
    child.once('error', reject);
    child.once('exit', (exitCode, killedBy) => {
      if (last?.kind === 'done') resolve(last.result);
      else if (last?.kind === 'failed') reject(faultOf(last));
      else reject(new Error(`the process for "${name}" died (${killedBy ?? `exit code ${exitCode}`})`));
    });
    ask(child, { kind: 'start', task });
  });
}

function faultOf({ code, message, stack }: Extract<Said<never>, { kind: 'failed' }>): Error {
  if (code !== undefined && code in FAULTS) return new WavspoolError(code as FaultCode, message);
  return new Error(message, { cause: stack });
}

/** What a task has of its process. */
export interface ServedTask<Told> {
  /** Aborts when the asker does, or by SIGTERM. */
  readonly signal: AbortSignal;
  readonly tell: (told: Told) => void;
}

/**
 * Waits for the task of {@link runInProcess}, does it with `perform`, says how it ended and exits. It exits as well when the asker is
 * gone: no process would hear of it, and what it holds would be held for ever.
 */
export function serveTask<Told>(perform: (task: never) => Promise<unknown>): ServedTask<Told> {
  const stopping = new AbortController();
  const say = (said: Said<Told>, then?: () => void): void => {
    process.send?.(said, undefined, undefined, then);
  };
  process.once('disconnect', () => process.exit(1));
  process.on('SIGINT', () => undefined); // Ctrl-C reaches the whole group: the asker stops us in order
  process.on('SIGTERM', () => stopping.abort());
  process.on('message', (asked: Asked<never>) => {
    if (asked.kind === 'abort') stopping.abort();
    else void outcomeOf(perform, asked.task).then((said) => say(said, () => process.exit(0)));
  });
  return { signal: stopping.signal, tell: (told) => say({ kind: 'told', told }) };
}

async function outcomeOf(
  perform: (task: never) => Promise<unknown>,
  task: never,
): Promise<Exclude<Said<never>, { kind: 'told' }>> {
  try {
    return { kind: 'done', result: await perform(task) };
  } catch (error) {
    const code = error instanceof WavspoolError ? error.code : undefined;
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    return { kind: 'failed', code, message: messageOf(error), stack };
  }
}
