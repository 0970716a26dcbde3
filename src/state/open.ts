import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Report } from '../events.ts';
import { WavspoolError, messageOf } from '../faults.ts';
import type { Clock, Dice } from '../runtime/index.ts';
import { groupedWriter, openDatabase } from '../sqlite/index.ts';
import { stagingArea } from './extraction.ts';
import { auditMethods } from './audit.ts';
import { receiptMethods } from './receipts.ts';
import { recordingMethods } from './recordings.ts';
import { migrate } from './schema.ts';
import { searchMethod } from './search.ts';
import type { StateStore } from './state-store.ts';
import { tarMethods } from './tars.ts';

export interface StateStoreOptions {
  /** `paths.state`. */
  readonly file: string;
  /** `upload.maxRetries`: FAILED at this `retry_count` waits for an operator. */
  readonly maxRetries: number;
  readonly clock: Clock;
  readonly dice: Dice;
  readonly report: Report;
}

/**
 * Opens `state.db`, makes it when it is not there, takes it over when another program made it. Several processes may have
 * it open. Throws STATE_UNUSABLE or STATE_TOO_NEW.
 */
export function openStateStore({ file, maxRetries, clock, dice, report }: StateStoreOptions): StateStore {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
  } catch (error) {
    throw new WavspoolError(
      'STATE_UNUSABLE',
      `the directory of ${file} cannot be made: ${messageOf(error)}`,
      { cause: error },
    );
  }
  const db = openDatabase(file);
  try {
    db.pragma('busy_timeout = 5000'); // the one moment where waiting with the event loop blocked is right: nothing runs yet
    const takenOver = migrate(db, file);
    if (takenOver !== undefined) report('state taken over', { file, ...takenOver });
    db.pragma('busy_timeout = 50');
    const write = groupedWriter(db, file, clock, dice);
    return {
      ...tarMethods(db, write, clock, maxRetries),
      ...recordingMethods(db, write, clock, maxRetries),
      ...searchMethod(db, clock),
      ...receiptMethods(db, write, clock),
      ...auditMethods(db, write, clock),
      beginExtraction: stagingArea(db, write, clock, maxRetries),
      close: () => db.close(),
    };
  } catch (error) {
    db.close();
    throw error;
  }
}
