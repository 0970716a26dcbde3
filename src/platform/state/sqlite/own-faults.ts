import { FAULTS, WavspoolError, faultCode, messageOf } from '../../../domain/faults.ts';
import type { StateTrouble } from '../../../domain/ledger.ts';
import type { Clock } from '../../runtime/index.ts';
import { isHostFault, sqliteFault, type Write } from '../../sqlite/index.ts';
import type { Plain } from './plain.ts';

/** Watches what SQLite says of its file. */
export interface FaultGuard {
  /** An error of SQLite's as DISK_FULL, STATE_DAMAGED, STATE_BUSY or STATE_UNUSABLE where the host is at fault; it is remembered. */
  readonly translated: (error: unknown) => unknown;
  /** The same, and what it has written is the end of the trouble. */
  readonly writing: (write: Write) => Write;
  /** Undefined while it can be written; damage stays until the process ends, for what was read of it may be kept in memory. */
  readonly trouble: () => StateTrouble | undefined;
}

export function faultGuard(file: string, clock: Clock): FaultGuard {
  let trouble: StateTrouble | undefined;
  return {
    translated: (error) => {
      const fault = isHostFault(error) ? sqliteFault(file, error) : error;
      const code = faultCode(fault);
      const isOurs =
        fault instanceof WavspoolError && (FAULTS[code].cause === 'state' || code === 'DISK_FULL');
      if (isOurs && trouble?.code !== 'STATE_DAMAGED')
        trouble = { code, message: messageOf(fault), since: trouble?.since ?? clock.now() };
      return fault;
    },
    writing: (write) => async (change) => {
      const value = await write(change);
      if (trouble?.code !== 'STATE_DAMAGED') trouble = undefined;
      return value;
    },
    trouble: () => trouble,
  };
}

type Method = (...args: readonly unknown[]) => unknown;

/**
 * A part of the ledger out of what SQLite answers at once: its methods return promises, those that walk return asynchronous
 * iterables, and what SQLite throws comes as `guard` translates it. The same goes for an object of methods that one of them returns.
 */
export function asPart<T extends object>(methods: Plain<T>, { translated }: FaultGuard): T {
  async function* stepwise(steps: Iterable<unknown>): AsyncGenerator {
    try {
      for (const step of steps) yield step;
    } catch (error) {
      throw translated(error);
    }
  }
  const settled = async (act: () => unknown): Promise<unknown> => {
    try {
      const value = await act();
      return isMethods(value) ? promised(value) : value;
    } catch (error) {
      throw translated(error);
    }
  };
  const promised = (object: object): object =>
    Object.fromEntries(
      Object.entries(object).map(([name, member]) => [
        name,
        typeof member === 'function' ? promisedMethod(member as Method) : member,
      ]),
    );
  const promisedMethod =
    (method: Method): Method =>
    (...args) =>
      isGenerator(method) ? stepwise(method(...args) as Iterable<unknown>) : settled(() => method(...args));
  return promised(methods) as T;
}

/** Nothing of it runs before it is walked, so that it throws nothing when it is called. */
function isGenerator(method: Method): boolean {
  return Object.prototype.toString.call(method) === '[object GeneratorFunction]';
}

function isMethods(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.values(value).some((member) => typeof member === 'function')
  );
}
