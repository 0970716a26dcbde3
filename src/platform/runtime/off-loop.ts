import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { WavspoolError, messageOf, type FaultCode } from '../../domain/faults.ts';

// Work that would block the event loop for long, SQLite's above all, in a thread of its own.

type Answer<O> =
  | { readonly kind: 'done'; readonly result: O }
  | { readonly kind: 'fault'; readonly code: FaultCode; readonly message: string };

/**
 * Runs the module at `module`, which calls {@link serveOffLoop}, with `input` in a thread and returns its result; both are
 * copied as structured clones. An abort is passed on, and what the thread throws is thrown here with its fault code.
 */
export async function offLoop<O>(module: URL, input: object, signal: AbortSignal): Promise<O> {
  signal.throwIfAborted();
  const thread = new Worker(module, { workerData: input });
  const abort = (): void => thread.postMessage('abort');
  signal.addEventListener('abort', abort, { once: true });
  try {
    const answer = await new Promise<Answer<O>>((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
      thread.once('exit', (code) => reject(new Error(`the thread of ${module.pathname} ended with ${code}`)));
    });
    if (answer.kind === 'done') return answer.result;
    signal.throwIfAborted();
    throw new WavspoolError(answer.code, answer.message);
  } finally {
    signal.removeEventListener('abort', abort);
    await thread.terminate();
  }
}

/** The other end: what the thread does with its input. Returns at once when this is no thread. */
export function serveOffLoop(run: (input: never, signal: AbortSignal) => Promise<unknown>): void {
  const port = parentPort;
  if (isMainThread || port === null) return;
  const stopped = new AbortController();
  port.on('message', () => stopped.abort());
  const answer = (given: Answer<unknown>): void => port.postMessage(given);
  run(workerData as never, stopped.signal).then(
    (result) => answer({ kind: 'done', result }),
    (error: unknown) => {
      const code = error instanceof WavspoolError ? error.code : 'UNKNOWN';
      const stack = error instanceof Error && code === 'UNKNOWN' ? `\n${error.stack}` : '';
      answer({ kind: 'fault', code, message: messageOf(error) + stack });
    },
  );
}
