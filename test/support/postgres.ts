import { execFile } from 'node:child_process';
import { appendFile, chown, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import pg from 'pg';
import { postgresAddress, type PostgresAddress } from '../../src/platform/config/index.ts';
import { LOOPBACK, commandAt, type Place } from './place.ts';
import { freePort, until } from './ports.ts';

const run = promisify(execFile);

/** One PostgreSQL server of several. */
export interface PostgresNode {
  readonly place: Place;
  readonly port: number;
  readonly directory: string;
  start(): Promise<void>;
  /** To all of its processes at once; SIGKILL is its end. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  promote(): Promise<void>;
  sql<T>(text: string): Promise<readonly T[]>;
}

/** A primary and its standbys; disposing of them ends them and removes their data. */
export interface PostgresServers extends AsyncDisposable {
  /** The one that was the first primary. */
  readonly primary: PostgresNode;
  readonly standbys: readonly PostgresNode[];
  /**
   * What whoever runs PostgreSQL does when `primary` is lost: the one of the others that has the most becomes the primary, and the rest
   * follow it. Every other one has to answer: an acknowledged commit may be on one of them only.
   */
  failOver(primary: PostgresNode): Promise<PostgresNode>;
  /** Makes a server that has ended, or was left behind, a standby of `primary`, on a fresh copy. */
  rejoin(node: PostgresNode, primary: PostgresNode): Promise<void>;
  /** Resolves once all the others follow `primary`, and commits wait for one of them. */
  untilWhole(primary: PostgresNode): Promise<void>;
  /** Names all of them, and the database `wavspool`. */
  readonly url: string;
  readonly address: PostgresAddress;
}

export interface PostgresOptions {
  /** So many standbys; with any, a commit waits for one of them. */
  readonly standbys?: number;
  /** Lines of postgresql.conf. */
  readonly settings?: readonly string[];
  /** Where each of them runs, the primary first; loopback unless given. */
  readonly places?: readonly Place[];
}

/** Starts servers on ports of their own. Needs the Debian package `postgresql-15` or newer. */
export async function startPostgres({
  standbys = 0,
  settings = [],
  places = [],
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
    const clients = ['127.0.0.1/32', ...places.map(({ address }) => `${address}/24`)];
    const rules = clients.map((from) => `host all,replication wavspool ${from} trust`);
    await appendFile(join(first, 'pg_hba.conf'), `\n${rules.join('\n')}\n`);
    const primary = await nodeAt(places[0] ?? LOOPBACK, first, settings);
    nodes.push(primary);
    await primary.start();
    await primary.sql('CREATE DATABASE wavspool');
    for (let at = 1; at <= standbys; at += 1) {
      const data = join(directory, String(at));
      await copyOf(primary, data);
      const node = await nodeAt(places[at] ?? LOOPBACK, data, [SYNCHRONOUS, ...settings]);
      nodes.push(node);
      await node.start();
    }
    if (standbys > 0) {
      await appendFile(join(first, 'postgresql.conf'), `${SYNCHRONOUS}\n`);
      await primary.sql('SELECT pg_reload_conf()');
      await untilFollowed(primary, standbys);
    }
    const url = `postgres://wavspool@${nodes.map(({ place, port }) => `${place.address}:${port}`).join(',')}/wavspool`;
    const address = postgresAddress(url);
    if (address === undefined) throw new Error(`${url} is no address`);
    return {
      primary,
      standbys: nodes.slice(1),
      failOver: async (lost) => {
        const others = nodes.filter((node) => node !== lost);
        const best = await promoteBest(others);
        for (const node of others) if (node !== best) await follow(node, best);
        return best;
      },
      rejoin: async (node, whom) => {
        await node.kill();
        const fresh = `${node.directory}.fresh`;
        await copyOf(whom, fresh);
        for (const file of ['postgresql.conf', 'pg_hba.conf'])
          await rename(join(node.directory, file), join(fresh, file));
        await rm(node.directory, { recursive: true });
        await rename(fresh, node.directory);
        await node.start();
      },
      untilWhole: (whom) => untilFollowed(whom, standbys),
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

/** A setting of each of several servers; the first primary gets it once it has its standbys, else its first commit would wait for them. */
const SYNCHRONOUS = "synchronous_standby_names = 'ANY 1 (*)'";

async function untilFollowed(primary: PostgresNode, standbys: number): Promise<void> {
  await until(
    'the standbys are synchronous',
    async () =>
      (await primary.sql<{ sync_state: string }>('SELECT sync_state FROM pg_stat_replication')).filter(
        ({ sync_state }) => sync_state === 'quorum',
      ).length === standbys,
  );
}

/** A copy of a running server in the directory `data`, set to follow it. */
async function copyOf({ place, port }: PostgresNode, data: string): Promise<void> {
  const from = ['-h', place.address, '-p', String(port), '-U', 'wavspool'];
  await asPostgres('pg_basebackup', ...from, '-D', data, '-R', '-c', 'fast', '--no-sync');
}

/** Sends a standby to another primary. */
async function follow(standby: PostgresNode, { place, port }: PostgresNode): Promise<void> {
  await standby.sql(`ALTER SYSTEM SET primary_conninfo = 'host=${place.address} port=${port} user=wavspool'`);
  await standby.sql('SELECT pg_reload_conf()');
}

async function nodeAt(place: Place, data: string, settings: readonly string[]): Promise<PostgresNode> {
  const port = await freePort();
  const lines = [
    `port = ${port}`,
    `listen_addresses = '${place.address}'`,
    "unix_socket_directories = ''",
    'max_connections = 100',
    "shared_buffers = '32MB'",
    'fsync = off', // these servers are killed, the machine is not
    "wal_keep_size = '64MB'",
    ...settings,
  ];
  await appendFile(join(data, 'postgresql.conf'), `\n${lines.join('\n')}\n`);
  const connect = async (database: string): Promise<pg.Client> => {
    const client = new pg.Client({
      host: place.address,
      port,
      user: 'wavspool',
      database,
      connectionTimeoutMillis: 10_000,
    });
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
  const signal: PostgresNode['signal'] = async (name) => {
    const all = await pids();
    for (const pid of all) {
      try {
        process.kill(pid, name);
      } catch {
        // it has ended by itself
      }
    }
    if (name !== 'SIGKILL') return;
    // one that is just ending still has the shared memory, and one that nobody has reaped would count as a server that runs
    await until('its processes are gone', async () => !(await Promise.all(all.map(lives))).includes(true));
    await rm(join(data, 'postmaster.pid'), { force: true });
  };
  return {
    place,
    port,
    directory: data,
    start: async () => {
      const start = ['-D', data, '-l', join(data, 'log'), '-w', '-t', '60', 'start'];
      await asPostgresAt(place, 'pg_ctl', ...start).catch(async (cause: unknown) => {
        const lines = (await readFile(join(data, 'log'), 'utf8')).trim().split('\n');
        throw new Error(`PostgreSQL does not start: ${lines.slice(-5).join('\n')}`, { cause });
      });
    },
    signal,
    kill: () => signal('SIGKILL'),
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

/** A zombie that nobody has reaped yet does not. */
async function lives(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat !== undefined && !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
}

function programs(): string {
  const [newest] = readdirSync('/usr/lib/postgresql')
    .map(Number)
    .toSorted((a, b) => b - a);
  return `/usr/lib/postgresql/${newest}/bin`;
}

function asPostgres(program: string, ...args: readonly string[]): Promise<void> {
  return asPostgresAt(LOOPBACK, program, ...args);
}

/** PostgreSQL does not run as root. */
async function asPostgresAt(place: Place, program: string, ...args: readonly string[]): Promise<void> {
  const command = [join(programs(), program), ...args];
  const whole = process.getuid?.() === 0 ? ['runuser', '-u', 'postgres', '--', ...command] : command;
  const [first, rest] = commandAt(place, whole[0] ?? '', ...whole.slice(1));
  await run(first, rest, { cwd: '/' });
}

async function giveToPostgres(directory: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const ids = await Promise.all(['-u', '-g'].map((which) => run('id', [which, 'postgres'])));
  const [uid = 0, gid = 0] = ids.map(({ stdout }) => Number(stdout));
  await chown(directory, uid, gid);
}
