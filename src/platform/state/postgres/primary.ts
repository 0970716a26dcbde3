import type pg from 'pg';
import type { Clock } from '../../runtime/index.ts';
import type { PostgresAddress } from '../../config/index.ts';
import { clientAt, poolAt } from './connection.ts';

/** Where there is no primary, the hosts are asked again after this long. */
const LOOK_AGAIN_MS = 250;
const LOOK_SELDOM_MS = 2000;
/** So long a fail-over takes; what is away for longer is asked less often. */
const SOON_MS = 60_000;

/** Connections to the server that takes writes, and the history that it writes (a promotion begins a new one). */
export interface Primary {
  readonly pool: pg.Pool;
  readonly timeline: number;
}

interface Look {
  readonly address: PostgresAddress;
  /** What the server shows of us. */
  readonly name: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** An older history than that is a former primary's that has come back: no process writes to it. */
  readonly since: number;
  /** Hears why none was found, each time. */
  readonly missed: (why: unknown) => void;
}

/**
 * Asks all hosts at once which of them is the primary, again and again until one is. Of two that say so the one with the newer
 * history is. Undefined when the signal aborts.
 */
export async function findPrimary(look: Look): Promise<Primary | undefined> {
  const startedAt = look.clock.monotonicMs();
  while (!look.signal.aborted) {
    const found = await Promise.allSettled(look.address.hosts.map((at) => ask(look, at)));
    const standing = found.flatMap((one, at) => (one.status === 'fulfilled' ? [{ ...one.value, at }] : []));
    const [best] = standing
      .filter(({ timeline, isPrimary }) => isPrimary && timeline >= look.since)
      .toSorted((one, other) => other.timeline - one.timeline);
    const host = look.address.hosts[best?.at ?? -1];
    if (best !== undefined && host !== undefined)
      return { pool: poolAt(look.address, host, look.name), timeline: best.timeline };
    const failed = found.find((one) => one.status === 'rejected');
    look.missed(failed?.reason ?? new Error('none of the servers is the primary'));
    const isSoon = look.clock.monotonicMs() - startedAt < SOON_MS;
    await look.clock.sleep(isSoon ? LOOK_AGAIN_MS : LOOK_SELDOM_MS, look.signal);
  }
  return undefined;
}

interface Standing {
  readonly isPrimary: boolean;
  readonly timeline: number;
}

async function ask({ address, name }: Look, at: PostgresAddress['hosts'][number]): Promise<Standing> {
  const client = clientAt(address, at, name);
  try {
    await client.connect();
    const { rows } = await client.query<Standing>(
      `SELECT NOT pg_is_in_recovery() AS "isPrimary", CASE WHEN pg_is_in_recovery() THEN 0
         ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline`,
    );
    return rows[0] ?? { isPrimary: false, timeline: 0 };
  } finally {
    await client.end().catch(() => undefined); // what cannot be ended has ended
  }
}
