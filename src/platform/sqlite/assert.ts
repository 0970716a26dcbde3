import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import { databaseFault } from './foreign.ts';
import type { Sqlite } from './open.ts';

/** Asks a query that must return 1. Throws SNAPSHOT_BAD, SETTINGS_INVALID for one that is no query, DATABASE_DAMAGED. */
export function askAssert(db: Sqlite, assert: string): void {
  let value: unknown;
  try {
    const query = db.prepare(assert);
    if (!query.readonly || !query.reader) throw new TypeError('it is no query');
    value = query.pluck().get();
  } catch (error) {
    const code = errnoOf(error);
    if (code?.startsWith('SQLITE_') === true && code !== 'SQLITE_ERROR') throw databaseFault(db.name, error);
    const message = `the assert ${JSON.stringify(assert)} cannot be asked of ${db.name}: ${messageOf(error)}`;
    throw new WavspoolError('SETTINGS_INVALID', message, { cause: error });
  }
  if (value !== 1)
    throw new WavspoolError('SNAPSHOT_BAD', `${db.name}: ${assert} gives ${String(value)}, not 1`);
}
