import type { Ledger } from '../../../domain/ledger.ts';
import type { Clock } from '../../runtime/index.ts';
import type { Sqlite, Write } from '../../sqlite/index.ts';
import { catalogueMethods } from './catalogue.ts';
import type { Plain } from './plain.ts';
import { receiptMethods } from './receipts.ts';
import { recordingMethods } from './recordings.ts';
import { tarMethods } from './tars.ts';

/** The four parts of the ledger. */
export type Parts = Pick<Ledger, 'tars' | 'recordings' | 'receipts' | 'catalogue'>;

/** Everything that is asked of and written to an open database; `write` says how a change is committed. */
export function partsOf(
  db: Sqlite,
  write: Write,
  clock: Clock,
  maxRetries: number,
): { readonly [K in keyof Parts]: Plain<Parts[K]> } {
  return {
    tars: tarMethods(db, write, clock, maxRetries),
    recordings: recordingMethods(db, write, clock, maxRetries),
    receipts: receiptMethods(db, write, clock),
    catalogue: catalogueMethods(db, write, clock, maxRetries),
  };
}
