import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { PostgresAddress } from '../src/platform/config/index.ts';
import { systemClock, systemRandom } from '../src/platform/runtime/index.ts';
import { migratePostgres } from '../src/platform/state/index.ts';
import { startPostgres, type PostgresNode, type PostgresServers } from '../test/support/postgres.ts';
import { usageOf } from './process-tree.ts';

/** As Debian ships it: every commit is synced. The servers of the tests do without, for the machine does not lose power there. */
const AS_SHIPPED = ['fsync = on', "shared_buffers = '128MB'", "max_wal_size = '1GB'"];

/** Servers for a ledger, whose tables are made; with standbys a commit waits for one of them. */
export async function startLedgerServers(
  standbys = 0,
  settings: readonly string[] = [],
): Promise<PostgresServers> {
  const servers = await startPostgres({ standbys, settings: [...AS_SHIPPED, ...settings] });
  await migratePostgres({ address: servers.address, clock: systemClock, random: systemRandom });
  return servers;
}

/** CPU seconds of all processes of a server so far. */
export async function serverCpu({ directory }: Pick<PostgresNode, 'directory'>): Promise<number> {
  return usageOf(await postmasterOf(directory)).cpuSeconds;
}

/** The process that all others of a server are below. */
export async function postmasterOf(directory: string): Promise<number> {
  const [pid] = (await readFile(join(directory, 'postmaster.pid'), 'utf8')).split('\n');
  return Number(pid);
}

/** A question about one site that has a `count` as its answer, asked on one connection. */
export function askLedger(
  { user, database, hosts: [at] }: PostgresAddress,
  text: string,
): ((site: string) => Promise<number | null | undefined>) & { end(): Promise<void> } {
  const client = new pg.Client({ ...at, user, database });
  const connected = client.connect();
  const ask = async (site: string): Promise<number | null | undefined> => {
    await connected;
    return (await client.query<{ count: number | null }>(text, [site])).rows[0]?.count;
  };
  return Object.assign(ask, { end: () => client.end() });
}
