import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeCertificate } from './certificate.ts';
import { freePort, until } from './ports.ts';

const run = promisify(execFile);

/** One of several redis-servers that know each other. */
export interface RedisProcess {
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
  /** What the settings say of them. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Who takes the writes of that key now. */
  master(key?: string): Promise<RedisProcess>;
}

export const PASSWORD = 'shared-by-all';
export const SENTINEL_PASSWORD = 'of-the-sentinels';

/**
 * A master with two replicas and three sentinels, all of them by TLS and with passwords; a fail-over takes about two seconds.
 * Needs the programs `redis-server`, `redis-cli` and `openssl`.
 */
export async function startSentinels(): Promise<RedisNodes> {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-sentinels-'));
  const tls = tlsIn(directory);
  const common = { ...tls.server, requirepass: PASSWORD, masterauth: PASSWORD, 'tls-replication': 'yes' };
  const client = [...tls.client, '--no-auth-warning'];
  const first = await makeNode(directory, { ...DURABLE, ...common }, [...client, '-a', PASSWORD]);
  const replicaof = `127.0.0.1 ${first.port}`;
  const nodes = [
    first,
    await makeNode(directory, { ...DURABLE, ...common, replicaof }, [...client, '-a', PASSWORD]),
    await makeNode(directory, { ...DURABLE, ...common, replicaof }, [...client, '-a', PASSWORD]),
  ];
  const sentinels: ManagedNode[] = [];
  const set = manage(directory, () => [...sentinels, ...nodes]);
  try {
    for (const node of nodes) await node.start();
    await first.cli('CONFIG', 'SET', 'min-replicas-to-write', '1');
    for (let n = 0; n < 3; n += 1) {
      const settings = { ...tls.server, 'tls-replication': 'yes', requirepass: SENTINEL_PASSWORD };
      const sentinel = await makeNode(
        directory,
        { ...settings, 'sentinel sentinel-pass': SENTINEL_PASSWORD },
        [...client, '-a', SENTINEL_PASSWORD],
        {
          mode: ['--sentinel'],
          more: [
            `sentinel monitor calls 127.0.0.1 ${first.port} 2`,
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
    settings: {
      sentinels: sentinels.map(({ port }) => `127.0.0.1:${port}`),
      name: 'calls',
      username: 'default',
      password: PASSWORD,
      sentinelPassword: SENTINEL_PASSWORD,
      tls: { ca: tls.ca },
    },
    master: async () => {
      const [, port] = (await sentinels[0]!.cli('SENTINEL', 'get-master-addr-by-name', 'calls')).split('\n');
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

async function makeNode(
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
    bind: '127.0.0.1',
    dir,
    loglevel: 'warning',
  }).map(([name, value]) => `${name} ${value === '' ? '""' : value}`);
  const file = join(dir, 'redis.conf');
  await writeFile(file, [...lines, ...more, ''].join('\n')); // a sentinel writes into it what it learns
  let child: ChildProcess | undefined;
  const cli: RedisProcess['cli'] = async (...command) => {
    const { stdout } = await run('redis-cli', ['-p', String(port), ...client, ...command], { timeout: 5000 });
    return stdout;
  };
  return {
    port,
    cli,
    start: async () => {
      const started = spawn('redis-server', [file, ...mode], { stdio: 'ignore' });
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

function tlsIn(directory: string): {
  readonly ca: string;
  readonly server: Readonly<Record<string, string>>;
  readonly client: readonly string[];
} {
  const { cert: ca, key } = makeCertificate(directory, 'redis');
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
