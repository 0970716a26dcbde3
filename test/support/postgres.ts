import { execFile } from 'node:child_process';
import { appendFile, chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import pg from 'pg';
import { postgresAddress, type PostgresAddress } from '../../src/platform/config/index.ts';
import { freePort, until } from './ports.ts';

const run = promisify(execFile);

/** One PostgreSQL server of several. */
export interface PostgresNode {
  readonly port: number;
  readonly directory: string;
  start(): Promise<void>;
  /** Ends all of its processes at once. */
  kill(): Promise<void>;
  promote(): Promise<void>;
  sql<T>(text: string): Promise<readonly T[]>;
}

/** A primary and its standbys; disposing of them ends them and removes their data. */
export interface PostgresServers extends AsyncDisposable {
  readonly primary: PostgresNode;
  readonly standbys: readonly PostgresNode[];
  /** Makes the standby that has the most the primary, after the primary's end. */
  promote(): Promise<PostgresNode>;
  /** Names all of them, and the database `wavspool`. */
  readonly url: string;
  readonly address: PostgresAddress;
}

export interface PostgresOptions {
  /** So many standbys; with any, a commit waits for one of them. */
  readonly standbys?: number;
  /** Lines of postgresql.conf. */
  readonly settings?: readonly string[];
}

/** Starts servers on ports of their own. Needs the Debian package `postgresql-15` or newer. */
export async function startPostgres({
  standbys = 0,
  settings = [],
}: PostgresOptions = {}): Promise<PostgresServers> {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-postgres-'));
  await giveToPostgres(directory);
  const nodes: PostgresNode[] = [];
  const dispose = async (): Promise<void> => {
    for (const node of nodes) await node.kill();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const first = join(directory, '0');
    await asPostgres(
      'initdb',
      '-D',
      first,
      '-U',
      'wavspool',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    );
    await appendFile(join(first, 'pg_hba.conf'), '\nhost replication wavspool 127.0.0.1/32 trust\n');
    const primary = await nodeAt(first, directory, settings);
    nodes.push(primary);
    await primary.start();
    await primary.sql('CREATE DATABASE wavspool');
    for (let at = 1; at <= standbys; at += 1)
      nodes.push(await standbyOf(primary, join(directory, String(at)), directory, settings));
    if (standbys > 0) {
      await primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'");
      await primary.sql('SELECT pg_reload_conf()');
      await until(
        'the standbys are synchronous',
        async () =>
          (await primary.sql<{ sync_state: string }>('SELECT sync_state FROM pg_stat_replication')).filter(
            ({ sync_state }) => sync_state === 'quorum',
          ).length === standbys,
      );
    }
    const url = `postgres://wavspool@${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}/wavspool`;
    const address = postgresAddress(url);
    if (address === undefined) throw new Error(`${url} is no address`);
    return {
      primary,
      standbys: nodes.slice(1),
      promote: () => promoteBest(nodes.slice(1)),
      url,
      address,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function promoteBest(standbys: readonly PostgresNode[]): Promise<PostgresNode> {
  const received = await Promise.all(
    standbys.map(async (node) => {
      const [row] = await node.sql<{ at: string }>("SELECT pg_last_wal_receive_lsn() - '0/0'::pg_lsn AS at");
      return { node, at: Number(row?.at ?? 0) };
    }),
  );
  const [best] = received.toSorted((one, other) => other.at - one.at);
  if (best === undefined) throw new Error('there is no standby');
  await best.node.promote();
  return best.node;
}

async function standbyOf(
  primary: PostgresNode,
  data: string,
  sockets: string,
  settings: readonly string[],
): Promise<PostgresNode> {
  const from = ['-h', '127.0.0.1', '-p', String(primary.port), '-U', 'wavspool'];
  await asPostgres('pg_basebackup', ...from, '-D', data, '-R', '-c', 'fast', '--no-sync');
  const node = await nodeAt(data, sockets, settings);
  await node.start();
  return node;
}

async function nodeAt(data: string, sockets: string, settings: readonly string[]): Promise<PostgresNode> {
  const port = await freePort();
  const lines = [
    `port = ${port}`,
    "listen_addresses = '127.0.0.1'",
    `unix_socket_directories = '${sockets}'`,
    'max_connections = 100',
    "shared_buffers = '32MB'",
    'fsync = off', // these servers are killed, the machine is not
    "wal_keep_size = '64MB'",
    ...settings,
  ];
  await appendFile(join(data, 'postgresql.conf'), `\n${lines.join('\n')}\n`);
  const connect = async (database: string): Promise<pg.Client> => {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'wavspool', database });
    client.on('error', () => undefined); // whoever asked hears of it
    await client.connect();
    return client;
  };
  const pids = async (): Promise<readonly number[]> => {
    const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
    const postmaster = Number(text.split('\n')[0]);
    if (!(postmaster > 0)) return [];
    const children = await run('pgrep', ['-P', String(postmaster)]).then(
      ({ stdout }) => stdout,
      () => '',
    );
    return [postmaster, ...children.trim().split('\n').filter(Boolean).map(Number)];
  };
  return {
    port,
    directory: data,
    start: async () => {
      await asPostgres('pg_ctl', '-D', data, '-l', join(data, 'log'), '-w', '-t', '60', 'start');
    },
    kill: async () => {
      for (const pid of await pids()) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // it has ended by itself
        }
      }
    },
    promote: async () => {
      await asPostgres('pg_ctl', '-D', data, '-w', 'promote');
    },
    sql: async <T>(text: string) => {
      const client = await connect(
        text.startsWith('CREATE DATABASE') || text.includes('SYSTEM') ? 'postgres' : 'wavspool',
      );
      try {
        return (await client.query(text)).rows as T[];
      } finally {
        await client.end();
      }
    },
  };
}

function programs(): string {
  const [newest] = readdirSync('/usr/lib/postgresql')
    .map(Number)
    .toSorted((a, b) => b - a);
  return `/usr/lib/postgresql/${newest}/bin`;
}

/** PostgreSQL does not run as root. */
async function asPostgres(program: string, ...args: readonly string[]): Promise<void> {
  const command = [join(programs(), program), ...args];
  const whole = process.getuid?.() === 0 ? ['runuser', '-u', 'postgres', '--', ...command] : command;
  await run(whole[0] ?? '', whole.slice(1), { cwd: '/' });
}

async function giveToPostgres(directory: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const ids = await Promise.all(['-u', '-g'].map((which) => run('id', [which, 'postgres'])));
  const [uid = 0, gid = 0] = ids.map(({ stdout }) => Number(stdout));
  await chown(directory, uid, gid);
}
