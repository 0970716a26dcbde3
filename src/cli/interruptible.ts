import { WavspoolError } from '../domain/faults.ts';
import { surroundings } from './surroundings.ts';

const STOPPING = ['SIGINT', 'SIGTERM'] as const;

/** Runs `use` with a signal that Ctrl-C and SIGTERM abort, with INTERRUPTED as its reason, so that it can end in order. */
export async function interruptible<T>(use: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new WavspoolError('INTERRUPTED', 'interrupted'));
  const { signals } = surroundings();
  for (const signal of STOPPING) signals.once(signal, interrupt);
  try {
    return await use(interrupted.signal);
  } finally {
    for (const signal of STOPPING) signals.off(signal, interrupt);
  }
}
