import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeCertificate } from './certificate.ts';
import { LOOPBACK, commandAt, type Place } from './place.ts';
import { freePort, until } from './ports.ts';

const run = promisify(execFile);

/** One of several redis-servers that know each other. */
export interface RedisProcess {
  readonly place: Place;
  readonly port: number;
  /** What redis-cli says to a command. */
  cli(...command: string[]): Promise<string>;
  /** Starts it on the data it had. */
  start(): Promise<void>;
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
}

/** Several redis-servers; disposing of them ends them and removes their data. */
export interface RedisNodes extends AsyncDisposable {
  readonly nodes: readonly RedisProcess[];
  /** Of Sentinel; a cluster has none. */
  readonly sentinels: readonly RedisProcess[];
  /** What the settings say of them. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Who takes the writes of that key now. */
  master(key?: string): Promise<RedisProcess>;
}

export const PASSWORD = 'shared-by-all';
export const SENTINEL_PASSWORD = 'of-the-sentinels';

/**
 * A master with two replicas and three sentinels, all of them by TLS and with passwords; a fail-over takes about two seconds. Of the three
 * `places` each has a server and a sentinel. Needs the programs `redis-server`, `redis-cli` and `openssl`.
 */
export async function startSentinels(
  places: readonly [Place, Place, Place] = [LOOPBACK, LOOPBACK, LOOPBACK],
): Promise<RedisNodes> {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-sentinels-'));
  const tls = tlsIn(directory, [...new Set(places.map(({ address }) => address))]);
  const common = { ...tls.server, requirepass: PASSWORD, masterauth: PASSWORD, 'tls-replication': 'yes' };
  const client = [...tls.client, '--no-auth-warning'];
  const authorized = [...client, '-a', PASSWORD];
  const [here, ...others] = places;
  const first = await makeNode(here, directory, { ...DURABLE, ...common }, authorized);
  const replicaof = `${here.address} ${first.port}`;
  const nodes = [first];
  for (const place of others)
    nodes.push(await makeNode(place, directory, { ...DURABLE, ...common, replicaof }, authorized));
  const sentinels: ManagedNode[] = [];
  const set = manage(directory, () => [...sentinels, ...nodes]);
  try {
    for (const node of nodes) await node.start();
    await first.cli('CONFIG', 'SET', 'min-replicas-to-write', '1');
    for (const place of places) {
      const settings = { ...tls.server, 'tls-replication': 'yes', requirepass: SENTINEL_PASSWORD };
      const sentinel = await makeNode(
        place,
        directory,
        { ...settings, 'sentinel sentinel-pass': SENTINEL_PASSWORD },
        [...client, '-a', SENTINEL_PASSWORD],
        {
          mode: ['--sentinel'],
          more: [
            `sentinel monitor calls ${here.address} ${first.port} 2`,
            `sentinel auth-pass calls ${PASSWORD}`,
            'sentinel down-after-milliseconds calls 1000',
            'sentinel failover-timeout calls 3000',
          ],
        },
      );
      sentinels.push(sentinel);
      await sentinel.start();
    }
    for (const sentinel of sentinels)
      await until('the sentinels know each other and the replicas', async () => {
        const known = (await sentinel.cli('SENTINEL', 'MASTER', 'calls')).split('\n');
        const of = (name: string): string | undefined => known[known.indexOf(name) + 1];
        return of('num-other-sentinels') === '2' && of('num-slaves') === '2' && of('flags') === 'master';
      });
  } catch (error) {
    await set[Symbol.asyncDispose]();
    throw error;
  }
  return {
    ...set,
    nodes,
    sentinels,
    settings: {
      sentinels: sentinels.map(({ place, port }) => `${place.address}:${port}`),
      name: 'calls',
      username: 'default',
      password: PASSWORD,
      sentinelPassword: SENTINEL_PASSWORD,
      tls: { ca: tls.ca },
    },
    master: async () => {
      const [, port] = (await answering(sentinels, 'SENTINEL', 'get-master-addr-by-name', 'calls')).split(
        '\n',
      );
      return nodes.find((node) => node.port === Number(port))!;
    },
  };
}

/** A cluster of three masters with a replica each; a fail-over takes about two seconds. */
export async function startCluster(): Promise<RedisNodes> {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-cluster-'));
  const settings = { ...DURABLE, 'cluster-enabled': 'yes', 'cluster-node-timeout': '1000' };
  const nodes: ManagedNode[] = [];
  const set = manage(directory, () => nodes);
  const addresses = (): string[] => nodes.map(({ port }) => `127.0.0.1:${port}`);
  try {
    for (let n = 0; n < 6; n += 1) {
      const port = await freePort();
      const bus = await freePort();
      const node = await makeNode(
        LOOPBACK,
        directory,
        { ...settings, port: String(port), 'cluster-port': String(bus) },
        [],
      );
      nodes.push(node);
      await node.start();
    }
    await run('redis-cli', [
      '--cluster',
      'create',
      ...addresses(),
      '--cluster-replicas',
      '1',
      '--cluster-yes',
    ]);
    for (const node of nodes)
      await until('the cluster serves', async () =>
        (await node.cli('CLUSTER', 'INFO')).includes('cluster_state:ok'),
      );
  } catch (error) {
    await set[Symbol.asyncDispose]();
    throw error;
  }
  return {
    ...set,
    nodes,
    sentinels: [],
    settings: { cluster: addresses().slice(0, 3) },
    master: async (key = '') => {
      for (const node of nodes) {
        const found = await node.cli('EXISTS', key).catch(() => '');
        if (/^\d$/.test(found.trim()) && (await node.cli('ROLE')).startsWith('master')) return node;
      }
      throw new Error(`no master has the slot of ${key}`);
    },
  };
}

const DURABLE = {
  appendonly: 'yes',
  save: '',
  'maxmemory-policy': 'noeviction',
  'repl-diskless-sync-delay': '0',
};

interface ManagedNode extends RedisProcess {
  end(): Promise<void>;
}

function manage(directory: string, all: () => readonly ManagedNode[]): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(all().map((node) => node.end()));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What the first of them says that says anything. */
async function answering(nodes: readonly RedisProcess[], ...command: string[]): Promise<string> {
  const faults: unknown[] = [];
  for (const node of nodes) {
    try {
      return await node.cli(...command);
    } catch (error) {
      faults.push(error);
    }
  }
  throw new AggregateError(faults, `none of ${nodes.length} says anything to ${command.join(' ')}`);
}

async function makeNode(
  place: Place,
  directory: string,
  settings: Readonly<Record<string, string>>,
  client: readonly string[],
  { mode = [], more = [] }: { readonly mode?: readonly string[]; readonly more?: readonly string[] } = {},
): Promise<ManagedNode> {
  const port = Number(settings['port'] ?? settings['tls-port'] ?? 0) || (await freePort());
  const dir = join(directory, String(port));
  await mkdir(dir);
  const isTls = settings['tls-cert-file'] !== undefined;
  const lines = Object.entries({
    ...settings,
    ...(isTls ? { port: '0', 'tls-port': String(port) } : { port: String(port) }),
    bind: place.address,
    dir,
    loglevel: 'warning',
  }).map(([name, value]) => `${name} ${value === '' ? '""' : value}`);
  const file = join(dir, 'redis.conf');
  await writeFile(file, [...lines, ...more, ''].join('\n')); // a sentinel writes into it what it learns
  const where = ['-h', place.address, '-p', String(port)];
  let child: ChildProcess | undefined;
  const cli: RedisProcess['cli'] = async (...command) => {
    const { stdout } = await run('redis-cli', [...where, ...client, ...command], { timeout: 5000 });
    return stdout;
  };
  return {
    place,
    port,
    cli,
    start: async () => {
      const [program, args] = commandAt(place, 'redis-server', file, ...mode);
      const started = spawn(program, args, { stdio: 'ignore' });
      await once(started, 'spawn');
      child = started;
      await until('redis-server answers', async () => {
        if (started.exitCode !== null) throw new Error(`redis-server ended with ${started.exitCode}`);
        return (await cli('PING')).includes('PONG');
      });
    },
    signal: (signal) => void child?.kill(signal),
    end: async () => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function tlsIn(
  directory: string,
  addresses: readonly string[],
): {
  readonly ca: string;
  readonly server: Readonly<Record<string, string>>;
  readonly client: readonly string[];
} {
  const { cert: ca, key } = makeCertificate(directory, 'redis', addresses);
  return {
    ca,
    server: {
      'tls-cert-file': ca,
      'tls-key-file': key,
      'tls-ca-cert-file': ca,
      'tls-auth-clients': 'no',
    },
    client: ['--tls', '--cacert', ca],
  };
}
