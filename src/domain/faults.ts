import { FAULTS } from './fault-table.ts';

export { FAULTS };

export type FaultCode = keyof typeof FAULTS;
export type Cause = (typeof FAULTS)[FaultCode]['cause'];

/** A fault with its code. The message says which file, what is wrong and what was expected; the remedy is in the table. */
export class WavspoolError extends Error {
  override readonly name = 'WavspoolError';
  readonly code: FaultCode;

  constructor(code: FaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The fault code of anything thrown; what is not ours is a bug and says `UNKNOWN`. */
export function faultCode(error: unknown): FaultCode {
  return error instanceof WavspoolError ? error.code : 'UNKNOWN';
}

/**
 * The message of anything thrown, without its stack. What was done in an open directory goes by a path below `/proc/self/fd`, which says
 * nothing to people: the name in it stands alone.
 */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\/proc\/self\/fd\/\d+\/(?=[^\s'])/g, '');
}

/** For `.catch`: undefined for what is not there; anything else is thrown on. */
export function unlessGone(error: unknown): undefined {
  if (errnoOf(error) === 'ENOENT') return undefined;
  throw error;
}

/** The errno name (`ENOENT`, `ENOSPC`, …) of a system error, else undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}
