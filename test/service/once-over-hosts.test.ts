import { hash } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findBreaks, type ChainLink } from '../../src/ingest/receipt/index.ts';
import { startHoldingProxy, type HoldingProxy } from '../support/holding-proxy.ts';
import { ask, until } from '../support/ports.ts';
import { runCommand, type Ended } from '../support/run-command.ts';
import { makeTwoHosts, type MaintainHost, type TwoHosts } from '../support/two-hosts.ts';

// Two hosts of one site, each with its maintain role: what is the site's is done once, whoever dies or stands still.

const TERM_MS = 1500;
let site: TwoHosts;
let first: MaintainHost;
let second: MaintainHost;
/** Between the first host and the store. */
let toStore: HoldingProxy;

beforeAll(async () => {
  const store = new URL(process.env['WAVSPOOL_TEST_S3'] ?? '');
  toStore = await startHoldingProxy({ host: store.hostname, port: Number(store.port) });
  site = await makeTwoHosts(
    TERM_MS,
    (directory) => ({
      databases: [
        {
          name: 'app',
          path: join(directory, 'app.db'),
          drill: '0 0 1 1 *',
          // no minute of the year is due while the test runs, but there was one before it
          snapshots: [
            {
              name: 'yearly',
              cron: '0 0 1 1 *',
              dir: join(directory, 'copies'),
              file: '{YYYY-MM-DD-HH-mm-ss}.db',
            },
          ],
        },
      ],
    }),
    (host, endpoint) => (host === 1 ? `http://127.0.0.1:${toStore.port}` : endpoint),
  );
  [first, second] = site.hosts;
  new Database(join(site.directory, 'app.db')).exec('CREATE TABLE t (a)').close();
  await mkdir(join(site.directory, 'copies'));
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
  await toStore[Symbol.asyncDispose]();
});

async function leader(): Promise<{ readonly host: MaintainHost | undefined; readonly term: number }> {
  const [lease] = await site.postgres.primary.sql<{ holder: string; term: string }>(
    "SELECT holder, term FROM leases WHERE name = 'maintenance' AND expires > clock_timestamp()",
  );
  const host = site.hosts.find(({ pid }) => lease?.holder.includes(`:${pid}:`));
  return { host, term: Number(lease?.term) };
}

function untilLeads(host: MaintainHost): Promise<void> {
  return until('it has the lease', async () => (await leader()).host === host);
}

async function chain(): Promise<readonly ChainLink[]> {
  const keys = (await site.s3.keys()).filter((key) => key.startsWith('.receipts/'));
  const links = keys.map(async (key) => {
    const bytes = await site.s3.bytes(key);
    const { seq, previous, site: of } = JSON.parse(String(bytes)) as ChainLink;
    return { key, seq, previous, site: of, sha256: hash('sha256', bytes) };
  });
  return (await Promise.all(links)).toSorted((a, b) => a.seq - b.seq);
}

/** The next tar has its receipt, and the chain is one chain. */
async function nextReceipt(name: string, seq: number): Promise<void> {
  await site.uploadedTar(name);
  await until(`receipt ${seq}`, async () => (await site.ledger.receipts.head())?.seq === seq);
  const links = await chain();
  expect(links.map((link) => link.seq)).toEqual(Array.from({ length: seq }, (_, at) => at + 1));
  const head = await site.ledger.receipts.head();
  expect(findBreaks(links, new Map(head === undefined ? [] : [['pair', head]]))).toEqual([]);
}

test('a process that stands still while its receipt is on the way, and wakes when another has gone on, does no harm', async () => {
  await first.start();
  await untilLeads(first);
  toStore.hold(/PUT \//);
  await site.uploadedTar('a.tar');
  await until('its receipt is on the way', () => toStore.held() > 0);
  first.freeze();
  await second.start();
  await untilLeads(second);
  await nextReceipt('b.tar', 2);
  await toStore.release(); // the store gets the late one now
  expect(await chain()).toHaveLength(2);
  first.thaw();
  await until('it knows', async () => (await first.events('lease lost')).length > 0);
  await nextReceipt('c.tar', 3);
  expect(await first.events('receipt written')).toEqual([]);
  expect(await second.events('receipt written')).toHaveLength(3);
  for (const host of site.hosts) expect(await host.events('job failed')).toEqual([]);
});

test('when the host that has the lease dies the other one goes on, under a higher term', async () => {
  const before = await leader();
  await second.kill();
  await untilLeads(first);
  expect((await leader()).term).toBeGreaterThan(before.term);
  await nextReceipt('d.tar', 4);
});

test('a host that is stopped gives its lease back', async () => {
  await second.start();
  expect(await first.stop()).toBe(0);
  await untilLeads(second);
  await nextReceipt('e.tar', 5);
  await first.start();
});

test('what keeps one machine runs once, though two roles with data directories of their own are there for it', async () => {
  const copies = async (): Promise<readonly string[]> =>
    (await readdir(join(site.directory, 'copies'))).filter((name) => name.endsWith('.db'));
  const known = "FROM schedules WHERE job = 'snapshot app yearly'";
  await until('it is known', async () => (await site.postgres.primary.sql(`SELECT 1 ${known}`)).length > 0);
  // as if it had been known for years, and nothing had run at New Year
  await site.postgres.primary.sql(
    "UPDATE schedules SET since = '2020-01-01T00:00' WHERE job = 'snapshot app yearly'",
  );
  const done = "FROM runs WHERE job = 'snapshot app yearly' AND outcome = 'done'";
  await until('it is made up', async () => (await site.postgres.primary.sql(`SELECT 1 ${done}`)).length > 0);
  // whoever made it dies: the other one has its turn, and finds it made
  const [made] = await site.postgres.primary.sql<{ holder: string }>(
    "SELECT holder FROM leases WHERE name LIKE 'maintenance of %'",
  );
  const maker = site.hosts.find(({ pid }) => made?.holder.includes(`:${pid}:`));
  await maker?.kill();
  const other = site.hosts.find((host) => host !== maker);
  await until('the other has its turn', async () => {
    const [now] = await site.postgres.primary.sql<{ holder: string }>(
      "SELECT holder FROM leases WHERE name LIKE 'maintenance of %'",
    );
    return now?.holder.includes(`:${other?.pid}:`) === true;
  });
  await nextReceipt('f.tar', 6); // it has looked at all that is due meanwhile
  expect(await copies()).toHaveLength(1);
  const runs = await site.postgres.primary.sql<{ due: string; outcome: string }>(
    "SELECT due, outcome FROM runs WHERE job = 'snapshot app yearly'",
  );
  expect(runs).toEqual([{ due: `${new Date().getUTCFullYear()}-01-01T00:00`, outcome: 'done' }]);
});

/** A command on one of the hosts. */
function on(host: MaintainHost, ...words: readonly string[]): Promise<Ended> {
  return runCommand(['--config', host.config, ...words]);
}

async function isPausedInRedis(): Promise<boolean> {
  const port = Number(new URL(site.redis.url).port);
  return (await ask({ port }, 'HEXISTS wavspool:pair.upload:meta paused\r\n')).startsWith(':1');
}

test('a pause reaches every host, outlives a Redis that forgets, and any host ends it', async () => {
  await second.start();
  await first.start();
  expect((await on(first, 'pause', 'upload', '--reason', 'the bucket moves')).code).toBe(0);
  expect(await isPausedInRedis()).toBe(true);
  const pauses = async (): Promise<unknown> => {
    const { stdout } = await on(second, 'status', '--json');
    return (JSON.parse(stdout) as { queues: { upload: unknown } }).queues.upload;
  };
  expect(await pauses()).toMatchObject({ paused: true, reason: 'the bucket moves', until: null });
  await ask({ port: Number(new URL(site.redis.url).port) }, 'FLUSHALL\r\n');
  await until('a role has paused it again', isPausedInRedis);
  expect(JSON.parse((await on(second, 'resume', 'upload', '--json')).stdout)).toMatchObject({ pauses: {} });
  expect(await isPausedInRedis()).toBe(false);
  expect(await pauses()).toMatchObject({ paused: false });
});
