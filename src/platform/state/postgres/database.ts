import type pg from 'pg';
import type { Report } from '../../../domain/events.ts';
import { WavspoolError, faultCode } from '../../../domain/faults.ts';
import type { StateTrouble } from '../../../domain/ledger.ts';
import type { Clock, Random } from '../../runtime/index.ts';
import { shownAddress, type PostgresAddress } from '../../config/index.ts';
import { clientAt, queryOn, requireSynced } from './connection.ts';
import { keepPrimary } from './keep-primary.ts';
import { UnknownOutcome, ledgerAway, postgresFault, reactionTo } from './pg-faults.ts';
import type { Answer, Query, Statement } from './statement.ts';

/** One call takes this long at most, then what it did is not known: a commit may wait for standbys that are gone. */
const CALL_MS = 10_000;
/** A transaction of many statements, as a huge tar's, has this long for all of them. */
const TRANSACTION_MS = 120_000;
/** A fail-over takes seconds; what is away for longer is told to the caller. */
const PATIENCE_MS = 15_000;
/** Where it is known to be away, the caller hears so soon. */
const SHORT_PATIENCE_MS = 2000;

export interface DatabaseOptions {
  readonly address: PostgresAddress;
  /** What the server shows of us. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Looks at each primary before it is used; what it throws is told to the caller, and it is looked at again. */
  readonly check: (query: Query) => Promise<void>;
  readonly report?: Report | undefined;
  readonly callMs?: number;
  readonly patienceMs?: number;
}

/**
 * A database that may fail over. What meets a lost connection, a fail-over, a deadlock or a commit of unknown outcome is
 * repeated, so everything that is run here is safe to repeat. Throws LEDGER_AWAY once its patience ends, or what
 * `postgresFault` makes of an answer.
 */
export interface Database {
  /** One statement, a transaction by itself. */
  readonly query: Query;
  /** Several statements that are committed together. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** A connection of its own, for what lives in a session; `end` closes it. */
  session(): Promise<{ readonly query: Query; end(): Promise<void> }>;
  /** Resolves once a primary is found and fit; throws LEDGER_AWAY after the patience, or what the check throws. */
  ready(): Promise<void>;
  trouble(): StateTrouble | undefined;
  /** The address without its password. */
  readonly shown: string;
  close(): Promise<void>;
}

type Work<T> = (client: pg.ClientBase) => Promise<T>;

export function connectDatabase(options: DatabaseOptions): Database {
  const { address, name, clock, random, check, report, callMs = CALL_MS, patienceMs = PATIENCE_MS } = options;
  const shown = shownAddress(address);
  const isFit = (pool: pg.Pool): Promise<void> =>
    onPool(pool, (client) => check(queryOn(client)), callMs, clock);
  const primaries = keepPrimary({ address, name, clock, isFit, report });

  const repeating = async <T>(work: Work<T>, deadlineMs: number): Promise<T> => {
    const isAway = primaries.trouble()?.code === 'LEDGER_AWAY';
    const deadline = clock.monotonicMs() + (isAway ? SHORT_PATIENCE_MS : patienceMs);
    for (;;) {
      const at = await primaries.require(deadline);
      try {
        const value = await onPool(at.pool, work, deadlineMs, clock);
        primaries.served(at);
        return value;
      } catch (error) {
        const reaction = reactionTo(error);
        if (reaction === 'look again') {
          const away = primaries.lost(at, error);
          if (clock.monotonicMs() >= deadline) throw away;
          continue;
        }
        if (reaction === 'repeat' && clock.monotonicMs() < deadline) {
          await clock.sleep(5 + random() * 45);
          continue;
        }
        const fault = postgresFault(shown, error);
        throw fault instanceof WavspoolError ? primaries.troubled(fault) : fault;
      }
    }
  };

  return {
    shown,
    query: <T>(statement: Statement, values: readonly unknown[]): Promise<Answer<T>> =>
      repeating((client) => queryOn(client)<T>(statement, values), callMs),
    transaction: (work) => repeating((client) => inTransaction(client, work), TRANSACTION_MS),
    session: async () => {
      const { pool } = await primaries.require(clock.monotonicMs() + patienceMs);
      const { host, port } = pool.options;
      const client = clientAt(address, { host: host ?? '', port: port ?? 0 }, name);
      try {
        await client.connect();
      } catch (error) {
        throw primaries.troubled(ledgerAway(shown, error));
      }
      return { query: guarded(queryOn(client), shown), end: () => client.end().catch(() => undefined) };
    },
    ready: async () => {
      await primaries.require(clock.monotonicMs() + patienceMs);
    },
    trouble: () => primaries.trouble(),
    close: () => primaries.close(),
  };
}

function guarded(query: Query, shown: string): Query {
  return async (statement, values) => {
    try {
      return await query(statement, values);
    } catch (error) {
      throw reactionTo(error) === 'look again' ? ledgerAway(shown, error) : postgresFault(shown, error);
    }
  };
}

async function onPool<T>(pool: pg.Pool, work: Work<T>, deadlineMs: number, clock: Clock): Promise<T> {
  const client = await pool.connect();
  const settled = new AbortController();
  const late = async (): Promise<never> => {
    await clock.sleep(deadlineMs, settled.signal);
    throw new UnknownOutcome(`it did not answer within ${deadlineMs / 1000} s`);
  };
  const deadline = late();
  deadline.catch(() => undefined); // it is over: the caller has its answer
  try {
    const value = await Promise.race([work(client), deadline]);
    requireSynced(client);
    client.release();
    return value;
  } catch (error) {
    // after an answer of the server's the connection is as good as before, else its state is unknown
    client.release(reactionTo(error) === 'look again' || !isAnswer(error));
    throw error;
  } finally {
    settled.abort();
  }
}

function isAnswer(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && ('severity' in error || faultCode(error) !== 'UNKNOWN')
  );
}

const BEGIN: Statement = { name: '', text: 'BEGIN' };
const COMMIT: Statement = { name: '', text: 'COMMIT' };
const ROLLBACK: Statement = { name: '', text: 'ROLLBACK' };

async function inTransaction<T>(client: pg.ClientBase, work: (query: Query) => Promise<T>): Promise<T> {
  const query = queryOn(client);
  await query(BEGIN, []);
  try {
    const value = await work(query);
    await query(COMMIT, []);
    return value;
  } catch (error) {
    await query(ROLLBACK, []).catch(() => undefined); // a connection that cannot is gone, and its transaction with it
    throw error;
  }
}
