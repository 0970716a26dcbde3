import { connectLedger, type PostgresLedgerOptions } from './open.ts';
import { foundSchema, LEDGER_SCHEMA } from './schema.ts';
import { statement } from './statement.ts';

/** What a ledger's primary says of itself. */
export interface LedgerFacts {
  readonly ledger: string;
  readonly version: string;
  readonly settings: Readonly<
    Record<'fsync' | 'full_page_writes' | 'synchronous_commit' | 'synchronous_standby_names', string>
  >;
  /** Of each standby that it sees, `sync`, `quorum`, `potential` or `async`. */
  readonly standbys: readonly string[];
  /** Undefined: it has no tables. */
  readonly schema: number | undefined;
  readonly wantedSchema: number;
  /** By how much its clock is ahead of this host's, in ms; half of the question's way is within it. */
  readonly aheadMs: number;
  /** What this user may not do with the tables. */
  readonly lacking: readonly string[];
}

const SETTINGS = statement(
  `SELECT name, setting FROM pg_settings
   WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'synchronous_standby_names')`,
);
const VERSION = statement("SELECT current_setting('server_version') AS version");
const STANDBYS = statement(
  "SELECT coalesce(sync_state, 'hidden') AS state FROM pg_stat_replication ORDER BY 1",
);
const CLOCK = statement('SELECT extract(epoch FROM clock_timestamp()) * 1000 AS ms');
const LACKING = statement(
  `SELECT r AS "right" FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS r
   WHERE NOT has_table_privilege('uploads', r) OR NOT has_table_privilege('extracted_tars', r)
     OR NOT has_table_privilege('recording_counts', r)`,
);

/** Asks the primary of a ledger. Throws LEDGER_AWAY, or LEDGER_SCHEMA for a server that is too old. */
export async function examinePostgres(
  options: Pick<PostgresLedgerOptions, 'address' | 'clock' | 'random'>,
): Promise<LedgerFacts> {
  const db = connectLedger(options, 'wavspool doctor', () => Promise.resolve());
  try {
    const found = await foundSchema(db.query);
    const settings = await db.query<{ name: string; setting: string }>(SETTINGS, []);
    const before = options.clock.now();
    const ms = (await db.query<{ ms: number }>(CLOCK, [])).rows[0]?.ms ?? before;
    const here = (before + options.clock.now()) / 2;
    const lacking = found === undefined ? [] : (await db.query<{ right: string }>(LACKING, [])).rows;
    return {
      ledger: db.shown,
      version: (await db.query<{ version: string }>(VERSION, [])).rows[0]?.version ?? '',
      settings: Object.fromEntries(
        settings.rows.map(({ name, setting }) => [name, setting]),
      ) as LedgerFacts['settings'],
      standbys: (await db.query<{ state: string }>(STANDBYS, [])).rows.map(({ state }) => state),
      schema: found?.schema,
      wantedSchema: LEDGER_SCHEMA,
      aheadMs: Math.round(ms - here),
      lacking: lacking.map(({ right }) => right),
    };
  } finally {
    await db.close();
  }
}
