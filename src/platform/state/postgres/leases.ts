import { WavspoolError } from '../../../domain/faults.ts';
import type { Leases, Tenure } from '../../../domain/lease.ts';
import type { Database } from './database.ts';
import { statement, type Query } from './statement.ts';

// All by the clock of the database, for the hosts' clocks differ.

const UNTIL = "clock_timestamp() + $4 * interval '1 millisecond'";
const TAKE = statement(
  `INSERT INTO leases (site, name, holder, term, expires) VALUES ($1, $2, $3, 1, ${UNTIL})
   ON CONFLICT (site, name) DO UPDATE
     SET holder = excluded.holder, term = leases.term + (leases.holder <> excluded.holder)::int, expires = ${UNTIL}
     WHERE leases.holder = excluded.holder OR leases.expires < clock_timestamp()
   RETURNING term`,
);
const RENEW = statement(
  `UPDATE leases SET expires = ${UNTIL} WHERE site = $1 AND name = $2 AND holder = $3 AND term = $5`,
);
// the row stays: the next holder's term has to be a higher one
const RELEASE = statement(
  `UPDATE leases SET expires = '-infinity' WHERE site = $1 AND name = $2 AND holder = $3 AND term = $4`,
);
// a process that takes the lease changes the row, so it waits until the transaction that has looked here is over
const HOLDS = statement(
  'SELECT 1 AS holds FROM leases WHERE site = $1 AND name = $2 AND holder = $3 AND term = $4 FOR SHARE',
);

/** The leases of a site. */
export function leaseMethods({ query }: Database, site: string): Leases {
  return {
    take: async (name, holder, termMs) => {
      const [row] = (await query<{ term: number }>(TAKE, [site, name, holder, termMs])).rows;
      return row && { name, holder, term: row.term };
    },
    renew: async ({ name, holder, term }, termMs) =>
      (await query(RENEW, [site, name, holder, termMs, term])).changed === 1,
    requireHeld: (tenure) => requireHeld(query, site, tenure),
    release: async ({ name, holder, term }) => {
      await query(RELEASE, [site, name, holder, term]);
    },
  };
}

/** Runs `work` in a transaction in which no other process can take the lease. Throws LEASE_LOST where another one has. */
export async function transactionUnder<T>(
  db: Database,
  site: string,
  tenure: Tenure | undefined,
  work: (query: Query) => Promise<T>,
): Promise<T> {
  return db.transaction(async (query) => {
    if (tenure !== undefined) await requireHeld(query, site, tenure);
    return work(query);
  });
}

/** As {@link transactionUnder}, for a single statement: without a tenure it needs no transaction. */
export async function underTenure<T>(
  db: Database,
  site: string,
  tenure: Tenure | undefined,
  work: (query: Query) => Promise<T>,
): Promise<T> {
  return tenure === undefined ? work(db.query) : transactionUnder(db, site, tenure, work);
}

async function requireHeld(query: Query, site: string, { name, holder, term }: Tenure): Promise<void> {
  const { rows } = await query(HOLDS, [site, name, holder, term]);
  if (rows.length === 0)
    throw new WavspoolError('LEASE_LOST', `the lease "${name}" (term ${term}) is another process's by now`);
}
