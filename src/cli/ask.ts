import { createInterface } from 'node:readline/promises';
import { WavspoolError } from '../domain/faults.ts';
import { surroundings } from './surroundings.ts';
import { visible } from './visible.ts';

/**
 * What the operator answers; nothing when the input ends. A terminal that is asked hands Ctrl-C over as a key: that throws
 * INTERRUPTED, as an abort of `signal` does.
 */
export async function ask(question: string, signal: AbortSignal): Promise<string> {
  const { stdin, stderr } = surroundings();
  if ('readableEnded' in stdin && stdin.readableEnded === true) return ''; // it would say so never again
  const terminal = createInterface({ input: stdin, output: stderr });
  const interrupted = Promise.withResolvers<never>();
  const ended = Promise.withResolvers<string>();
  const interrupt = (): void => interrupted.reject(new WavspoolError('INTERRUPTED', 'interrupted'));
  terminal.once('SIGINT', interrupt);
  terminal.once('close', () => ended.resolve(''));
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    const answer = terminal.question(visible(question));
    return (await Promise.race([answer, interrupted.promise, ended.promise])).trim();
  } finally {
    signal.removeEventListener('abort', interrupt);
    terminal.close();
  }
}
