import { spawn, type ChildProcess } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ledger } from '../../src/domain/ledger.ts';
import { systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import { migratePostgres, openPostgresLedger } from '../../src/platform/state/index.ts';
import { commitTar } from './commit-tar.ts';
import { until } from './ports.ts';
import { startPostgres, type PostgresServers } from './postgres.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { startS3, type TestS3 } from './s3.ts';

const MAINTAIN = join(import.meta.dirname, 'maintain-with-term.ts');

/** The maintain role on a host of its own: it has a data directory that the other host does not see. */
export interface MaintainHost {
  readonly data: string;
  readonly config: string;
  readonly pid: number;
  /** Unless it runs. */
  start(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** SIGSTOP: everything in it stands still, its connections stay open. */
  freeze(): void;
  thaw(): void;
  kill(): Promise<void>;
  /** The events that it has logged, oldest first. */
  events(name: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** A site of two hosts on one ledger, one Redis and one bucket. */
export interface TwoHosts extends AsyncDisposable {
  readonly directory: string;
  readonly postgres: PostgresServers;
  readonly redis: TestRedis;
  readonly s3: TestS3;
  /** The ledger of the site, as a third process has it. */
  readonly ledger: Ledger;
  readonly hosts: readonly [MaintainHost, MaintainHost];
  /** A tar whose recordings are all uploaded, as far as the ledger knows: its receipt is due. */
  uploadedTar(name: string): Promise<string>;
}

/** Makes the site; none of its roles run yet. `changes` go over the settings of both hosts; each reaches the store by its `endpointOf`. */
export async function makeTwoHosts(
  termMs: number,
  changes: (directory: string) => Readonly<Record<string, unknown>> = () => ({}),
  endpointOf: (host: number, endpoint: string) => string = (_host, endpoint) => endpoint,
): Promise<TwoHosts> {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-two-hosts-'));
  const [postgres, redis, s3] = await Promise.all([
    startPostgres(),
    startRedis({ appendOnly: 'off' }),
    startS3(),
  ]);
  const opened = { address: postgres.address, clock: systemClock, random: systemRandom };
  await migratePostgres(opened);
  const ledger = await openPostgresLedger({ ...opened, site: 'pair', store: s3.bucket, maxRetries: 5 });
  const shared = { incoming: join(directory, 'incoming'), extracted: join(directory, 'extracted') };
  for (const path of Object.values(shared)) await mkdir(path);
  const hostAt = async (at: number): Promise<MaintainHost> => {
    const data = join(directory, `host-${at}`);
    await mkdir(data);
    const { bucket, endpoint, accessKeyId, secretAccessKey } = s3;
    const settings = {
      site: 'pair',
      paths: { data, ...shared },
      redis: { url: redis.url },
      state: { url: postgres.url },
      s3: { bucket, endpoint: endpointOf(at, endpoint), accessKeyId, secretAccessKey },
      shutdownSeconds: 10,
      ...changes(directory),
    };
    const config = join(data, 'wavspool.yaml');
    await writeFile(config, JSON.stringify(settings), { mode: 0o600 });
    return maintainHost(data, config, termMs);
  };
  const hosts = [await hostAt(1), await hostAt(2)] as const;
  return {
    directory,
    postgres,
    redis,
    s3,
    ledger,
    hosts,
    uploadedTar: async (name) => {
      const path = join(shared.incoming, name);
      const wav = join(shared.extracted, `${name}.wav`);
      const sha256 = hash('sha256', name);
      await commitTar(ledger, { path, size: 1, mtimeMs: 1 }, { [wav]: sha256 }, { sha256 });
      const object = { key: `${name}.wav`, size: 5, sha256, etag: 'e', versionId: undefined };
      await ledger.recordings.stored(wav, object);
      return path;
    },
    [Symbol.asyncDispose]: async () => {
      for (const host of hosts) await host.kill();
      await ledger.close();
      await Promise.all([postgres, redis, s3].map((one) => one[Symbol.asyncDispose]()));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function maintainHost(data: string, config: string, termMs: number): MaintainHost {
  let child: ChildProcess | undefined;
  const signal = (name: NodeJS.Signals): void => void child?.kill(name);
  const lives = (): boolean => child !== undefined && child.exitCode === null && child.signalCode === null;
  const ended = async (): Promise<number | null> => {
    if (child !== undefined && lives()) await once(child, 'exit');
    return child?.exitCode ?? null;
  };
  const events: MaintainHost['events'] = async (name) => {
    const log = await readFile(join(data, 'logs/wavspool.log'), 'utf8').catch(() => '');
    return log
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === name);
  };
  return {
    data,
    config,
    get pid() {
      return child?.pid ?? 0;
    },
    events,
    start: async () => {
      if (lives()) return;
      const before = (await events('role started')).length;
      child = spawn(process.execPath, [MAINTAIN, String(termMs), config], { stdio: 'ignore' });
      await until('it runs', async () => (await events('role started')).length > before);
    },
    stop: () => {
      signal('SIGTERM');
      return ended();
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    kill: async () => {
      signal('SIGKILL');
      await ended();
    },
  };
}
