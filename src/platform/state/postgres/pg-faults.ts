import { WavspoolError, errnoOf, messageOf } from '../../../domain/faults.ts';
import { remedyOfRefusal } from './why-refused.ts';

/** What follows when PostgreSQL, or the way to it, answered with an error. */
export type Reaction =
  /** This server is not, or no longer, the one: look for the primary and repeat. What was sent may have been done. */
  | 'look again'
  /** Two transactions stood in each other's way: nothing was done, repeat. */
  | 'repeat'
  /** Nothing that another try would change. */
  | 'tell';

/** A commit whose standbys did not confirm it, or a call that took too long: whether it was done is not known. */
export class UnknownOutcome extends Error {
  override readonly name = 'UnknownOutcome';
}

const LOST: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
// 08 connection exceptions; 57P shutdown, crash, starting up; 25006 a standby; 53300 no connection free; 28 and 3D000 a server
// that does not let us in (yet): a replica that is being made, a password that is being changed
const AWAY = /^(?:08|57P|25006|53300|28|3D000)/;
const AGAIN: ReadonlySet<string> = new Set(['40001', '40P01']);

/** What to do about an error of a statement or a connection. */
export function reactionTo(error: unknown): Reaction {
  if (error instanceof UnknownOutcome) return 'look again';
  const code = sqlState(error) ?? '';
  if (AGAIN.has(code)) return 'repeat';
  if (AWAY.test(code)) return 'look again';
  const errno = errnoOf(error);
  if (errno !== undefined && LOST.has(errno)) return 'look again';
  // the library's own words: it gives these no code
  return /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|server does not support SSL|connection is insecure/i.test(
    messageOf(error),
  )
    ? 'look again'
    : 'tell';
}

/** The five characters of the SQL standard; undefined for what is no answer of a server. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) && error.code !== 'EPIPE'
    ? error.code
    : undefined;
}

/** The name of the constraint or index that a row broke. */
export function constraintOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('constraint' in error)) return undefined;
  return typeof error.constraint === 'string' ? error.constraint : undefined;
}

/** An answer that is about one row of many: it fails alone when it is written by itself. */
export function isOfOneRow(error: unknown): boolean {
  return /^(?:22|23|54)/.test(sqlState(error) ?? '');
}

/** A fault that waiting does not end: an operator has to migrate the ledger, or to install another wavspool. */
export function isUnfit(error: unknown): error is WavspoolError {
  return error instanceof WavspoolError && (error.code === 'LEDGER_SCHEMA' || error.code === 'STATE_TOO_NEW');
}

/** The ledger, named `shown`, cannot be reached; where it refuses us the message says what ends that. */
export function ledgerAway(shown: string, why: unknown): WavspoolError {
  const remedy = remedyOfRefusal(why);
  const message = `the ledger ${shown} cannot be used: ${messageOf(why)}${remedy === undefined ? '' : `; ${remedy}`}`;
  return new WavspoolError('LEDGER_AWAY', message, { cause: why });
}

/** An answer as a fault; what is no answer of PostgreSQL's comes back as it is. */
export function postgresFault(shown: string, error: unknown): unknown {
  const state = sqlState(error);
  if (error instanceof WavspoolError || state === undefined) return error;
  const said = `the ledger ${shown}: ${messageOf(error)} (${state})`;
  const fault = (code: 'DISK_FULL' | 'STATE_BUSY' | 'LEDGER_SCHEMA' | 'STATE_DAMAGED' | 'STATE_UNUSABLE') =>
    new WavspoolError(code, said, { cause: error });
  if (state === '53100') return fault('DISK_FULL');
  if (state === '55P03' || state === '57014' || AGAIN.has(state)) return fault('STATE_BUSY');
  if (/^42(?:P01|703|883|501)$/.test(state)) return fault('LEDGER_SCHEMA');
  if (/^XX00[12]$/.test(state)) return fault('STATE_DAMAGED');
  if (/^(?:22|23)/.test(state)) return new WavspoolError('UNKNOWN', said, { cause: error });
  return fault('STATE_UNUSABLE');
}
