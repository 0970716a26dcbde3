import type { Clock } from '../../runtime/index.ts';
import type { Sqlite, Write } from '../../sqlite/index.ts';
import { auditMethods } from './audit.ts';
import { stagingArea } from './extraction.ts';
import { receiptMethods } from './receipts.ts';
import { recordingMethods } from './recordings.ts';
import { searchMethod } from './search.ts';
import type { StateStore } from '../../../domain/ledger.ts';
import { tarMethods } from './tars.ts';

/** Everything that is asked of and written to an open database; `write` says how a change is committed. */
export function storeMethods(
  db: Sqlite,
  write: Write,
  clock: Clock,
  maxRetries: number,
): Omit<StateStore, 'normalise' | 'trouble' | 'moved' | 'close'> {
  return {
    ...tarMethods(db, write, clock, maxRetries),
    ...recordingMethods(db, write, clock, maxRetries),
    ...searchMethod(db, clock),
    ...receiptMethods(db, write, clock),
    ...auditMethods(db, write, clock),
    beginExtraction: stagingArea(db, write, clock, maxRetries),
  };
}
