import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Status } from '../../src/operate/status/index.ts';
import { commandAt, type Place } from './place.ts';
import { pidsBelow, signal } from './processes.ts';
import { freePort, until } from './ports.ts';
import { startPostgres, type PostgresServers } from './postgres.ts';
import { startSentinels, type RedisNodes } from './redis-nodes.ts';
import { runCommand, type Ended } from './run-command.ts';
import { startGateway, startS3, type TestGateway, type TestS3 } from './s3.ts';
import { startSshd, type Sshd } from './sshd.ts';

const BIN = join(import.meta.dirname, '../../bin/wavspool.js');
const ROLES = 5;
const run = promisify(execFile);

/** Where the parts of a fleet run. */
export interface FleetPlaces {
  /** A PostgreSQL server, a Redis server and a sentinel on each. */
  readonly engines: readonly [Place, Place, Place];
  readonly store: Place;
  /** By the name of the site. */
  readonly sites: Readonly<Record<string, Place>>;
  /** Further hosts of these sites, by their own name: they see the directories that the site's first host has. */
  readonly more?: Readonly<Record<string, { readonly of: string; readonly place: Place }>>;
}

/** One SFTP host of a site, usually its only one, with its sshd, its disk directories and its roles. */
export interface Site {
  readonly name: string;
  /** The name of this host: that of the site, unless the site has another host of that name. */
  readonly host: string;
  readonly place: Place;
  readonly sshd: Sshd;
  readonly directory: string;
  readonly data: string;
  readonly incoming: string;
  readonly extracted: string;
  readonly config: string;
  /** Its console, as its own host reaches it. */
  readonly http: string;
  /** Where the minute's snapshots of its database `calls` are. */
  readonly copies: string;
  /** Starts `up` where it does not run, as systemd does. */
  keepUp(): Promise<void>;
  /** The command line of the wavspool that runs here from its next start on; this tree's until then. */
  install(bin: string): void;
  /** SIGKILL to the supervisor alone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code, null where a signal ended it. */
  stop(): Promise<number | null>;
  /** SIGTERM, then SIGKILL to what is left of it: where a supervisor died, its roles may still be ending. */
  end(): Promise<void>;
  /** One command that ends by itself, in this process. */
  wavspool(...args: string[]): Promise<Ended>;
  status(): Promise<Status>;
}

/** Sites that share a ledger, a Redis, a store; disposing of it ends everything and removes its data. */
export interface Fleet extends AsyncDisposable {
  readonly directory: string;
  readonly postgres: PostgresServers;
  readonly redis: RedisNodes;
  readonly store: TestGateway;
  readonly s3: TestS3;
  /** A host each. */
  readonly sites: readonly Site[];
}

export interface FleetOptions {
  /** `extract.copy` of every host; as it is shipped unless told otherwise. */
  readonly copy?: boolean;
}

/**
 * Starts PostgreSQL with two synchronous standbys, Redis with three sentinels, a store, and a host with all roles at each of its places.
 * Needs root, and what "infra/install.sh test" installs.
 */
export async function startFleet(places: FleetPlaces, { copy = true }: FleetOptions = {}): Promise<Fleet> {
  const { engines, store: storePlace } = places;
  await using started = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-fleet-'));
  started.defer(() => rm(directory, { recursive: true, force: true }));
  const starting = [
    startPostgres({ standbys: 2, places: engines }),
    startSentinels(engines),
    startGateway('disk', storePlace),
  ] as const;
  for (const one of await Promise.allSettled(starting))
    if (one.status === 'fulfilled') started.use(one.value); // also where another did not start
  const [postgres, redis, store] = await Promise.all(starting);
  const s3 = await startS3(store); // goes with the store
  const shared = { postgres, redis, s3 };
  started.defer(() => s3.client.destroy());
  const sites: Site[] = [];
  const hosts = [
    ...Object.entries(places.sites).map(([host, place]) => ({ host, of: host, place })),
    ...Object.entries(places.more ?? {}).map(([host, more]) => ({ host, ...more })),
  ];
  for (const { host, of, place } of hosts) {
    const first = sites.find(({ name }) => name === of);
    const site = await makeSite(
      { host, name: of, place, directory: join(directory, host), first, copy },
      shared,
    );
    started.defer(async () => {
      await site.end();
      await site.sshd.stop();
    });
    sites.push(site);
  }
  const migrated = await sites[0]?.wavspool('state', 'migrate');
  if (migrated?.code !== 0) throw new Error(`wavspool state migrate: ${migrated?.stderr}`);
  await Promise.all(sites.map((site) => site.keepUp()));
  for (const site of sites) {
    const hostsOfIt = sites.filter(({ name }) => name === site.name).length;
    await until(
      `every role of ${site.name} is at work`,
      async () => (await site.status()).roles.length === hostsOfIt * ROLES,
      120_000,
    );
  }
  const all = started.move();
  return { directory, postgres, redis, store, s3, sites, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

interface HostToMake {
  readonly host: string;
  readonly name: string;
  readonly place: Place;
  readonly directory: string;
  /** The site's first host, where this is another one. */
  readonly first: Site | undefined;
  readonly copy: boolean;
}

async function makeSite(
  { host, name, place, directory, first, copy }: HostToMake,
  { postgres, redis, s3 }: Pick<Fleet, 'postgres' | 'redis' | 's3'>,
): Promise<Site> {
  const sshd = await startSshd(place, first?.sshd);
  const data = join(directory, 'data');
  const extracted = first?.extracted ?? join(data, 'extracted');
  const copies = join(directory, 'copies');
  const calls = join(directory, 'calls.db');
  const config = join(directory, 'wavspool.yaml');
  const port = await freePort();
  await mkdir(directory);
  await run('sqlite3', [
    calls,
    "CREATE TABLE calls (id INTEGER PRIMARY KEY, who TEXT); INSERT INTO calls VALUES (1, 'a');",
  ]);
  const snapshots = [
    {
      name: 'minutely',
      cron: '* * * * *',
      dir: copies,
      file: 'calls_{YYYY-MM-DD-HH-mm-ss}.db',
      keep: { last: 10_000 },
    },
  ];
  const settings = {
    site: name,
    paths: { data, incoming: sshd.incoming, extracted },
    redis: redis.settings,
    state: { url: postgres.url },
    s3: {
      bucket: s3.bucket,
      endpoint: s3.endpoint,
      accessKeyId: s3.accessKeyId,
      secretAccessKey: s3.secretAccessKey,
    },
    arrival: { quietSeconds: 0.5, rescanSeconds: 5, incompleteAfterSeconds: 8 },
    extract: { copy, minFreeBytes: '16MiB' },
    upload: {
      maxRetries: 5,
      backoff: { initial: '200ms', max: '5s' },
      multipartBytes: '5MiB',
      concurrency: 4,
    },
    databases: [{ name: 'calls', path: calls, snapshots }],
    http: { port },
    shutdownSeconds: 10,
  };
  await writeFile(config, JSON.stringify(settings), { mode: 0o600 }); // JSON is YAML
  const wavspool: Site['wavspool'] = (...args) => runCommand(['--config', config, ...args]);
  let up: ChildProcess | undefined;
  const isUp = (): boolean => up !== undefined && up.exitCode === null && up.signalCode === null;
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (up === undefined) return null;
    const exited = once(up, 'exit');
    if (isUp()) {
      up.kill(signal);
      await exited;
    }
    return up.exitCode;
  };
  let starting: Promise<void> | undefined;
  let bin = BIN;
  const launch = async (): Promise<void> => {
    if (isUp()) return;
    await using output = await open(join(directory, 'up.log'), 'a', 0o600);
    const [program, args] = commandAt(place, process.execPath, bin, 'up', '--config', config);
    up = spawn(program, args, { stdio: ['ignore', output.fd, output.fd] });
    await once(up, 'spawn');
  };
  return {
    name,
    host,
    place,
    sshd,
    directory,
    data,
    incoming: sshd.incoming,
    extracted,
    config,
    http: `http://127.0.0.1:${port}`,
    copies,
    // two who find it gone at once would start two, of which one ends because the other is there
    keepUp: () =>
      (starting ??= launch().finally(() => {
        starting = undefined;
      })),
    install: (installed) => {
      bin = installed;
    },
    kill: async () => {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
    end: async () => {
      await end('SIGTERM');
      await until('nothing of it runs', async () => {
        const left = await pidsBelow(directory, /wavspool|workers/);
        signal(left, 'SIGKILL');
        return left.length === 0;
      });
    },
    wavspool,
    status: async () => JSON.parse((await wavspool('status', '--json')).stdout) as Status,
  };
}
