import type { WavspoolError } from '../domain/faults.ts';
import { within, type Clock } from '../platform/runtime/index.ts';

/**
 * A question that is answered within `ms`, or not at all: `silent` is thrown then. It is asked once at a time, and who asks meanwhile
 * hears the same answer: what is asked of a service that is away piles up in its client.
 */
export function limited<A extends readonly unknown[], T>(
  clock: Clock,
  ms: number,
  silent: () => WavspoolError,
  ask: (...about: A) => Promise<T>,
): (...about: A) => Promise<T> {
  let pending: Promise<T> | undefined;
  return (...about) => {
    pending ??= ask(...about).finally(() => {
      pending = undefined;
    });
    return within(clock, ms, pending, silent);
  };
}
