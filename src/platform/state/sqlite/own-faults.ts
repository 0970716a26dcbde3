import { FAULTS, WavspoolError, faultCode, messageOf } from '../../../domain/faults.ts';
import type { Clock } from '../../runtime/index.ts';
import type { StateTrouble } from '../../../domain/ledger.ts';
import { isHostFault, sqliteFault } from '../../sqlite/index.ts';

export interface Guarded<T> {
  readonly methods: T;
  /** Undefined while it can be written; damage stays until the process ends, for what was read of it may be kept in memory. */
  readonly trouble: () => StateTrouble | undefined;
}

type Method = (...args: readonly unknown[]) => unknown;

/**
 * The same methods; where SQLite fails for the host's sake they throw DISK_FULL, STATE_DAMAGED, STATE_BUSY or STATE_UNUSABLE. What they return step by step
 * (an iterator, an extraction, an audit's list) is guarded too. The last trouble is remembered, until a write succeeds.
 */
export function guardFaults<T extends object>(methods: T, file: string, clock: Clock): Guarded<T> {
  let trouble: StateTrouble | undefined;

  const translated = (error: unknown): unknown => {
    const fault = isHostFault(error) ? sqliteFault(file, error) : error;
    const code = faultCode(fault);
    const isOurs = fault instanceof WavspoolError && (FAULTS[code].cause === 'state' || code === 'DISK_FULL');
    if (isOurs && trouble?.code !== 'STATE_DAMAGED')
      trouble = { code, message: messageOf(fault), since: trouble?.since ?? clock.now() };
    return fault;
  };
  const written = (): void => {
    if (trouble?.code !== 'STATE_DAMAGED') trouble = undefined;
  };

  function* stepwise(steps: Iterable<unknown>): Generator {
    try {
      yield* steps;
    } catch (error) {
      throw translated(error);
    }
  }
  const settled = async (promise: Promise<unknown>): Promise<unknown> => {
    try {
      const value = await promise;
      written();
      return guarded(value);
    } catch (error) {
      throw translated(error);
    }
  };
  const guarded = (value: unknown): unknown => {
    if (value instanceof Promise) return settled(value);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    if (isGenerator(value)) return stepwise(value);
    return hasMethods(value) ? guardedObject(value) : value;
  };
  const guardedObject = (object: object): object =>
    Object.fromEntries(
      Object.entries(object).map(([name, member]) => [
        name,
        typeof member === 'function' ? guardedMethod(member as Method) : member,
      ]),
    );
  const guardedMethod =
    (method: Method): Method =>
    (...args) => {
      try {
        return guarded(method(...args));
      } catch (error) {
        throw translated(error);
      }
    };

  return { methods: guardedObject(methods) as T, trouble: () => trouble };
}

/** A list of rows or a set of paths can be iterated too, and has been read already. */
function isGenerator(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value && 'next' in value;
}

function hasMethods(value: object): boolean {
  return (
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.values(value).some((member) => typeof member === 'function')
  );
}
