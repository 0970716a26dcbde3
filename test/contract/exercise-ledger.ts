import { describe } from 'vitest';
import { exerciseBrowsing } from './exercise-browsing.ts';
import { exerciseCatalogue } from './exercise-catalogue.ts';
import { exerciseReceipts } from './exercise-receipts.ts';
import { exerciseRecordings } from './exercise-recordings.ts';
import { exerciseTars } from './exercise-tars.ts';
import { ledgerSubject, type EmptyStore } from './ledger-subject.ts';

/** What every ledger keeps, whatever it is written in; it knows no SQL. A new ledger begins with this suite. */
export function exerciseLedger(name: string, emptyStore: () => Promise<EmptyStore>): void {
  describe(name, () => {
    const subject = ledgerSubject(emptyStore);
    exerciseTars(subject);
    exerciseRecordings(subject);
    exerciseReceipts(subject);
    exerciseCatalogue(subject);
    exerciseBrowsing(subject);
  });
}
