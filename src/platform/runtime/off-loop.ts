import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { heardFault, tellFault, type ToldFault } from '../../domain/told-fault.ts';

// Work that would block the event loop for long, SQLite's above all, in a thread of its own.

type Answer<O> =
  | { readonly kind: 'done'; readonly result: O }
  | { readonly kind: 'fault'; readonly fault: ToldFault };

type Asked = { readonly kind: 'run'; readonly input: object } | { readonly kind: 'abort' };

/** A thread costs 0.1 s of CPU to start, so one that did its work waits a while for the next of its kind. */
const KEPT_MS = 5000;
/** Of a thread; it listens to others itself. */
const EVENTS = ['message', 'error', 'exit'] as const;
/** Threads without work, by their module; they keep no process from ending. */
const idle = new Map<string, () => Worker>();

/**
 * Runs the module at `module`, which calls {@link serveOffLoop}, with `input` in a thread and returns its result; both are
 * copied as structured clones. An abort is passed on, and what the thread throws is thrown here with its fault code or its errno.
 */
export async function offLoop<O>(module: URL, input: object, signal: AbortSignal): Promise<O> {
  signal.throwIfAborted();
  const thread = idle.get(module.href)?.() ?? new Worker(module);
  const tell = (asked: Asked): void => thread.postMessage(asked);
  const abort = (): void => tell({ kind: 'abort' });
  signal.addEventListener('abort', abort, { once: true });
  let isReusable = false;
  try {
    const answer = await new Promise<Answer<O>>((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
      thread.once('exit', (code) => reject(new Error(`the thread of ${module.pathname} ended with ${code}`)));
      tell({ kind: 'run', input });
    });
    if (answer.kind === 'done') {
      isReusable = !signal.aborted; // else the abort may reach what it does next
      return answer.result;
    }
    signal.throwIfAborted();
    throw heardFault(answer.fault);
  } finally {
    signal.removeEventListener('abort', abort);
    for (const event of EVENTS) thread.removeAllListeners(event);
    if (isReusable && !idle.has(module.href)) keep(module.href, thread);
    else await thread.terminate();
  }
}

function keep(module: string, thread: Worker): void {
  const forget = (): void => {
    clearTimeout(timer);
    idle.delete(module);
    for (const event of EVENTS) thread.removeAllListeners(event);
  };
  const end = (): void => {
    forget();
    void thread.terminate();
  };
  const timer = setTimeout(end, KEPT_MS).unref();
  thread.once('error', end);
  thread.once('exit', forget);
  thread.unref();
  idle.set(module, () => {
    forget();
    thread.ref();
    return thread;
  });
}

/** The other end: what the thread does with each input. Returns at once when this is no thread. */
export function serveOffLoop(run: (input: never, signal: AbortSignal) => Promise<unknown>): void {
  const port = parentPort;
  if (isMainThread || port === null) return;
  let stopped = new AbortController();
  const answer = (given: Answer<unknown>): void => port.postMessage(given);
  port.on('message', (asked: Asked) => {
    if (asked.kind === 'abort') return stopped.abort();
    stopped = new AbortController();
    run(asked.input as never, stopped.signal).then(
      (result) => answer({ kind: 'done', result }),
      (error: unknown) => answer({ kind: 'fault', fault: tellFault(error) }),
    );
  });
}
