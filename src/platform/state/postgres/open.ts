import type { Report } from '../../../domain/events.ts';
import type { Ledger } from '../../../domain/ledger.ts';
import type { Clock, Random } from '../../runtime/index.ts';
import type { PostgresAddress } from '../../config/index.ts';
import { catalogueMethods } from './catalogue.ts';
import type { KeysOf } from './commit.ts';
import { connectDatabase, type Database, type DatabaseOptions } from './database.ts';
import { isUnfit } from './pg-faults.ts';
import { receiptMethods } from './receipts.ts';
import { recordingMethods } from './recordings.ts';
import { requireSchema } from './schema.ts';
import { sharedWork } from './shared-work.ts';
import { statement } from './statement.ts';
import { tarMethods } from './tars.ts';

export interface PostgresLedgerOptions {
  /** Of `state.url`. */
  readonly address: PostgresAddress;
  readonly site: string;
  /** What tells the bucket from every other: keys are given once in it, over all sites (P5). */
  readonly store: string;
  /** `upload.maxRetries`: FAILED at this `retry_count` waits for an operator. */
  readonly maxRetries: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly report?: Report | undefined;
  /** Absent: no key is set down before an upload has one. */
  readonly keysOf?: KeysOf | undefined;
}

/**
 * Opens a site's part of a ledger on PostgreSQL. One that is away is no reason to fail: it is found when it is there, and what is asked
 * meanwhile throws LEDGER_AWAY. Throws LEDGER_SCHEMA and STATE_TOO_NEW.
 */
export async function openPostgresLedger(options: PostgresLedgerOptions): Promise<Ledger> {
  const { site, store, maxRetries, clock, keysOf } = options;
  const db = connectLedger(options, `wavspool ${site}`);
  const scope = { site, store, maxRetries };
  try {
    await db.ready();
  } catch (error) {
    if (isUnfit(error)) {
      await db.close();
      throw error;
    }
  }
  return {
    tars: tarMethods(db, scope, keysOf),
    recordings: recordingMethods(db, scope),
    receipts: receiptMethods(db, scope),
    catalogue: catalogueMethods(db, scope, clock),
    shared: sharedWork(db, site),
    normalise: () => sumUp(db, site),
    trouble: () => db.trouble(),
    moved: () => undefined, // it has no file
    close: () => db.close(),
  };
}

/** The database at `address`, whose schema is looked at before it is used unless `check` does something else. */
export function connectLedger(
  { address, clock, random, report }: Pick<PostgresLedgerOptions, 'address' | 'clock' | 'random' | 'report'>,
  name: string,
  check?: DatabaseOptions['check'],
): Database {
  const db = connectDatabase({
    address,
    name,
    clock,
    random,
    report,
    check: check ?? ((query) => requireSchema(query, db.shown)),
  });
  return db;
}

const SUM_UP = statement(
  `WITH one AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(hashtext('wavspool.counts'), hashtext($1)) AS may),
   gone AS (DELETE FROM recording_counts WHERE site = $1 AND (SELECT may FROM one) RETURNING *)
   INSERT INTO recording_counts (site, pending, pending_bytes, success, failed, failed_tars, tars)
   SELECT $1, sum(pending), sum(pending_bytes), sum(success), sum(failed), sum(failed_tars), sum(tars) FROM gone HAVING count(*) > 0`,
);

/** One row of figures instead of many. No row is odd here: the tables refuse those. */
async function sumUp({ query }: Database, site: string): Promise<void> {
  await query(SUM_UP, [site]);
}
