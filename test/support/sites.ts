import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openApp } from '../../src/process/app.ts';
import { dashboardRole } from '../../src/process/roles/dashboard.ts';
import { Secret } from '../../src/platform/config/index.ts';
import { openQueuesNow, type Queues } from '../../src/platform/queue/index.ts';
import { systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import { migratePostgres, openPostgresLedger, openSqliteLedger } from '../../src/platform/state/index.ts';
import type { Ledger } from '../../src/domain/ledger.ts';
import { commitTar } from './commit-tar.ts';
import { freePort } from './ports.ts';
import { startPostgres } from './postgres.ts';
import { startRedis } from './redis.ts';
import { startS3, type TestS3 } from './s3.ts';

export const TOKEN = 'the-token-of-north';
export const LOOKING = 'the-looking-token-of-north';
const EAST_TOKEN = 'the-token-of-east';

/**
 * Three sites: `north`, whose dashboard is asked, and `south`, whose host is not there, share a ledger on PostgreSQL; `east` has a
 * `state.db` and an API of its own. `west` is named in the settings and has never answered. Each has a tar of two recordings: one that
 * was given up, one that waits.
 */
export interface Sites extends AsyncDisposable {
  /** Of the dashboard of `north`. */
  readonly address: string;
  readonly s3: TestS3;
  readonly directory: string;
  queuesOf(site: string): Promise<Queues & AsyncDisposable>;
  ledgerOf(site: 'north' | 'south'): Promise<Ledger & AsyncDisposable>;
  stopEast(): Promise<void>;
  /** A path below the landing directory of a site. */
  landed(site: 'north' | 'east', name: string): string;
}

export async function startSites(): Promise<Sites> {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-fleet-'));
  const [postgres, redis, s3] = await Promise.all([startPostgres(), startRedis(), startS3()]);
  const opened = { address: postgres.address, clock: systemClock, random: systemRandom };
  await migratePostgres(opened);
  const ledgerOf = async (site: string): Promise<Ledger & AsyncDisposable> =>
    disposable(
      await openPostgresLedger({
        ...opened,
        site,
        store: `${new URL(s3.endpoint).host}/${s3.bucket}`,
        maxRetries: 5,
      }),
    );
  for (const site of ['north', 'south']) {
    await using ledger = await ledgerOf(site);
    await fill(ledger, site);
  }
  const ports = { north: await freePort(), east: await freePort(), west: await freePort() };
  const host = async (site: 'north' | 'east', changes: object): Promise<() => Promise<void>> => {
    const data = join(directory, site);
    await mkdir(join(data, 'incoming'), { recursive: true });
    const settings = {
      site,
      paths: { data },
      redis: { url: redis.url },
      s3: {
        bucket: s3.bucket,
        endpoint: s3.endpoint,
        accessKeyId: s3.accessKeyId,
        secretAccessKey: s3.secretAccessKey,
      },
      ...changes,
    };
    const file = join(data, 'wavspool.yaml');
    await writeFile(file, JSON.stringify(settings), { mode: 0o600 });
    const app = await openApp(file, 'dashboard');
    const role = await dashboardRole.start(app);
    return async () => {
      await role.stop(0);
      await app.close();
    };
  };
  await mkdir(join(directory, 'east'));
  await fillState(join(directory, 'east/state.db'), 'east'); // before its dashboard looks
  const stopEastOnce = await host('east', { http: { port: ports.east, token: EAST_TOKEN } });
  let isEastThere = true;
  const stopEast = async (): Promise<void> => {
    if (isEastThere) await stopEastOnce();
    isEastThere = false;
  };
  const stopNorth = await host('north', {
    state: { url: postgres.url },
    http: { port: ports.north, token: TOKEN, readOnlyToken: LOOKING },
    sites: [
      { name: 'east', url: `http://127.0.0.1:${ports.east}`, token: EAST_TOKEN },
      { name: 'west', url: `http://127.0.0.1:${ports.west}`, token: 'nobody-knows' },
    ],
  });
  return {
    address: `http://127.0.0.1:${ports.north}`,
    s3,
    directory,
    ledgerOf,
    queuesOf: async (site) => {
      const paths = { incoming: '/in', extracted: '/out', state: '/state.db', log: '/log', data: directory };
      const settings = { site, redis: { url: new Secret(redis.url) }, paths };
      return disposable(await openQueuesNow(settings, () => undefined, systemClock));
    },
    stopEast,
    landed: (site, name) => join(directory, site, 'incoming', name),
    [Symbol.asyncDispose]: async () => {
      await stopNorth();
      await stopEast();
      await postgres[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
      await s3[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

async function fillState(file: string, site: string): Promise<void> {
  await using ledger = disposable(
    await openSqliteLedger({
      file,
      maxRetries: 5,
      clock: systemClock,
      random: systemRandom,
      report: () => undefined,
    }),
  );
  await fill(ledger, site);
}

async function fill(ledger: Ledger, site: string): Promise<void> {
  const tar = { path: `/in/${site}.tar`, size: 1, mtimeMs: 1 };
  await commitTar(ledger, tar, { [`/${site}/1.wav`]: `1-${site}`, [`/${site}/2.wav`]: `2-${site}` });
  await ledger.recordings.failed(`/${site}/1.wav`, { cause: 'missing', message: 'gone', retryCount: 5 });
}

function disposable<T extends { close(): Promise<void> }>(opened: T): T & AsyncDisposable {
  return { ...opened, [Symbol.asyncDispose]: () => opened.close() };
}
