import pg from 'pg';
import type { PostgresAddress } from '../../config/index.ts';
import { tlsOptions } from './tls-options.ts';
import { UnknownOutcome } from './pg-faults.ts';
import type { Query } from './statement.ts';

const CONNECT_MS = 3000;
/** A connection that begins a transaction and says no more holds locks for so long. */
const IDLE_IN_TRANSACTION_MS = 60_000;
const LOCK_MS = 10_000;
const STATEMENT_MS = 60_000;
const MOST_CONNECTIONS = 6;

const BIGINT = 20;
const NUMERIC = 1700;
/** Sizes, times and counts: none of them comes near 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid, format) =>
    // oxlint-disable-next-line typescript/no-unsafe-enum-comparison -- its types are numbers with names, and ours are two of them
    oid === BIGINT || oid === NUMERIC
      ? Number
      : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/** Connections to one server. */
export function poolAt(
  address: PostgresAddress,
  { host, port }: PostgresAddress['hosts'][number],
  name: string,
): pg.Pool {
  const pool = new pg.Pool({
    ...configOf(address, { host, port }, name),
    max: MOST_CONNECTIONS,
    idleTimeoutMillis: 60_000,
    allowExitOnIdle: true,
  });
  pool.on('error', () => undefined); // an idle connection that is lost: the next query gets another one, or hears of it
  pool.on('connect', (client) => {
    watch(client);
  });
  return pool;
}

/** One connection of its own. */
export function clientAt(
  address: PostgresAddress,
  at: PostgresAddress['hosts'][number],
  name: string,
): pg.Client {
  const client = new pg.Client(configOf(address, at, name));
  watch(client);
  return client;
}

function configOf(
  address: PostgresAddress,
  { host, port }: PostgresAddress['hosts'][number],
  name: string,
): pg.ClientConfig {
  const ssl = tlsOptions(address, host);
  return {
    host,
    port,
    user: address.user,
    database: address.database,
    ...(address.password !== undefined && { password: address.password }),
    ssl: ssl ?? false,
    application_name: name,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    lock_timeout: LOCK_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    types,
  };
}

/** Connections on which a commit was not confirmed by its standbys. */
const unsynced = new WeakSet<object>();

function watch(client: pg.ClientBase): void {
  // an error of a connection that no query waits for would end the process; a query that waits for one hears of it as well
  client.on('error', () => undefined);
  client.on('notice', (notice) => {
    // by the routine, for the text is in the server's language: "canceling wait for synchronous replication"
    if (notice.routine === 'SyncRepWaitForLSN') unsynced.add(client);
  });
}

/** Asks on one connection; a NUL, which PostgreSQL's texts cannot hold, is written as its symbol. */
export function queryOn(client: pg.ClientBase): Query {
  return async (statement, values) => {
    const { rows, rowCount } = await client.query({ ...statement, values: values.map(withoutNul) });
    return { rows, changed: rowCount ?? 0 };
  };
}

/** Throws UnknownOutcome where a commit on this connection lies on the primary alone: it is not to be counted on. */
export function requireSynced(client: object): void {
  if (unsynced.delete(client))
    throw new UnknownOutcome('a commit was cut off while it waited for its standbys');
}

function withoutNul(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '␀') : value;
  return Array.isArray(value) ? value.map(withoutNul) : value;
}
