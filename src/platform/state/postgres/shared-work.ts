import type { SharedWork } from '../../../domain/ledger.ts';
import type { Database } from './database.ts';
import { historyMethods } from './history.ts';
import { leaseMethods } from './leases.ts';
import { pauseMethods } from './pauses.ts';
import { receiptMethods } from './receipts.ts';
import { runsOf } from './runs.ts';

/** What the hosts of a site share beside the rows. */
export function sharedWork(db: Database, site: string): SharedWork {
  return {
    leases: leaseMethods(db, site),
    history: (origin) => historyMethods(db, site, origin),
    pauses: pauseMethods(db, site),
    receipts: (tenure) => receiptMethods(db, { site }, tenure),
    runs: (of) => runsOf(db, site, of === 'site' ? '' : of.host),
  };
}
