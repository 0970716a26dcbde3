import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Secret } from '../../src/platform/config/index.ts';
import { LEVELS } from '../../src/domain/event-levels.ts';
import type { EventName, Report } from '../../src/domain/events.ts';
import {
  givenUpWork,
  openQueues,
  openQueuesNow,
  uploadWork,
  type Queues,
  type RunningWorker,
} from '../../src/platform/queue/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { lookAtQueues, unlessAway } from '../../src/operate/status/queues.ts';
import { ask, portOf, until } from '../support/ports.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startRig } from '../support/rig.ts';
import { makeTar } from '../support/tars.ts';

// One address in front of two Redis servers whose roles swap, as managed services, HAProxy and virtual IPs have it: connections
// that were made before stay open to the one that is a replica now.

let servers: [TestRedis, TestRedis];
let proxy: Server;
let target = 0;
let directory: string;
let reports: { event: EventName; times?: number }[];
const report: Report = (event, fields) => void reports.push({ event, ...fields });
const opened: Queues[] = [];
const workers: RunningWorker[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-swaps-'));
  servers = [await startRedis({ appendOnly: 'off' }), await startRedis({ appendOnly: 'off' })];
  reports = [];
  target = portIn(servers[0]);
  proxy = createServer((client) => {
    const server = connect(target, '127.0.0.1');
    client.pipe(server).pipe(client);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  await replicate(servers[1], servers[0]);
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop(1000)));
  await Promise.all(opened.splice(0).map((queues) => queues.close()));
  proxy.close();
  await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  await rm(directory, { recursive: true });
});

function portIn(server: TestRedis): number {
  return Number(new URL(server.url).port);
}

const tell = (server: TestRedis, command: string): Promise<string> =>
  ask({ port: portIn(server) }, `${command}\r\n`);

async function replicate(replica: TestRedis, master: TestRedis): Promise<void> {
  await tell(replica, `REPLICAOF 127.0.0.1 ${portIn(master)}`);
  await until('it follows', async () =>
    (await tell(replica, 'INFO replication')).includes('master_link_status:up'),
  );
}

/** The second becomes the master, the first its replica; who is connected to the first stays so. */
async function swapRoles(): Promise<void> {
  const [first, second] = servers;
  target = portIn(second);
  await tell(second, 'REPLICAOF NO ONE');
  await tell(first, `REPLICAOF 127.0.0.1 ${portIn(second)}`);
}

const settings = (): Parameters<typeof openQueues>[0] => ({
  site: 'main',
  redis: { url: new Secret(`redis://127.0.0.1:${portOf(proxy)}`) },
  paths: { data: directory, incoming: '', extracted: '', state: '', log: '' },
});

function open(): Queues {
  const queues = openQueues(settings(), report, systemClock);
  opened.push(queues);
  return queues;
}

function startWork(queues: Queues): Set<string> {
  const done = new Set<string>();
  const worker = queues.work<'upload'>({
    kind: 'upload',
    concurrency: 4,
    process: (payload) => {
      if ('recording' in payload) done.add(payload.recording);
      return Promise.resolve({ kind: 'done' });
    },
  });
  workers.push(worker);
  return done;
}

test('work goes on within seconds of a swap, no add fails, and every caller that waits hears of the return', async () => {
  const queues = open();
  const done = startWork(queues);
  let returns = 0;
  queues.onReturn(() => (returns += 1));
  await queues.upload.add([uploadWork('/before.wav', 1)]);
  await until('it works', () => done.has('/before.wav'));
  expect(returns).toBe(0);

  await swapRoles();
  const startedAt = performance.now();
  for (let n = 0; n < 50; n += 1) await queues.upload.add([uploadWork(`/after-${n}.wav`, 1)]);
  await until('all of it is done', () => done.size === 51, 20_000);
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  expect(returns).toBeGreaterThan(0);
  await queues.shared.setOutage({
    code: 'STORE_UNREACHABLE',
    cause: 'network',
    message: '',
    since: 0,
    probes: 1,
    bySuspects: false,
    stamp: 's',
    probeAt: 0,
  });
  expect(await tell(servers[1], 'EXISTS wavspool:main.store')).toBe(':1\r\n');
});

test('a worker that only waits is woken, and takes what the new master gets', async () => {
  const waiting = open();
  const done = startWork(waiting);
  await until('it waits', async () => (await tell(servers[0], 'INFO clients')).includes('blocked_clients:1'));
  await swapRoles();
  const other = open();
  await other.upload.add([uploadWork('/new.wav', 1)]);
  await until('it is done', () => done.has('/new.wav'), 20_000);
});

test('a command that is under way follows too', async () => {
  const queues = await openQueuesNow(settings(), report, systemClock);
  opened.push(queues);
  await swapRoles();
  await queues.upload.add([uploadWork('/one.wav', 1)]);
  expect(await queues.upload.counts()).toMatchObject({ waiting: 1 });
});

test('behind an address that leads to a replica for good a command says so within seconds, and a role does not spin', async () => {
  await tell(servers[0], `REPLICAOF 127.0.0.1 ${portIn(servers[1])}`);
  await tell(servers[1], 'REPLICAOF NO ONE');
  const queues = await openQueuesNow(settings(), report, systemClock);
  opened.push(queues);
  await expect(queues.shared.clearOutage()).rejects.toThrow(/READONLY/);

  const role = open();
  const done = startWork(role);
  const added = role.upload.add([uploadWork('/late.wav', 1)]);
  await until('it is reported', () => reports.some(({ event }) => event === 'redis refuses'));
  expect(reports.filter(({ event }) => event !== 'redis refuses').slice(0, 5)).toEqual([]);
  expect(reports.length).toBeLessThan(10);
  await tell(servers[0], 'REPLICAOF NO ONE');
  await added;
  await until('it is done', () => done.has('/late.wav'), 20_000);
});

test.each([
  ['too few replicas', 'CONFIG SET min-replicas-to-write 5', 'NOREPLICAS'],
  ['a full memory', 'CONFIG SET maxmemory 1', 'OOM'],
])(
  'with %s a command says what Redis refuses, and the status does not call it well',
  async (_, refuse, word) => {
    const queues = await openQueuesNow(settings(), report, systemClock);
    opened.push(queues);
    await queues.upload.counts();
    await tell(servers[0], refuse);
    const said = {
      code: 'REDIS_REFUSES',
      message: expect.stringContaining(`Redis refuses what it is asked: ${word}`),
    };
    await expect(queues.upload.add([uploadWork('/one.wav', 1)])).rejects.toMatchObject(said);
    expect(await unlessAway(() => lookAtQueues(queues))).toMatchObject({ fault: said });
  },
);

test.each([
  ['too few replicas', 'CONFIG SET min-replicas-to-write 5', 'CONFIG SET min-replicas-to-write 0'],
  ['a full memory', 'CONFIG SET maxmemory 1', 'CONFIG SET maxmemory 0'],
  ['no right to do it', 'ACL SETUSER default -evalsha -eval', 'ACL SETUSER default +@all'],
])('a worker rests before %s instead of asking thousands of times', async (_, refuse, allow) => {
  const queues = open();
  const done = startWork(queues);
  await queues.upload.add([uploadWork('/first.wav', 1)]);
  await until('it works', () => done.size === 1);
  await tell(servers[0], refuse);
  const asked = async (): Promise<number> =>
    Number(/rejected_calls=(\d+)/g.exec(await tell(servers[0], 'INFO commandstats'))?.[1] ?? 0) +
    (await errorsAt(servers[0]));
  const before = await asked();
  const adding = queues.upload.add([uploadWork('/second.wav', 1)]).catch(() => undefined);
  await until('it is reported', () => reports.some(({ event }) => event === 'redis refuses'), 60_000);
  await systemClock.sleep(3000); // what it asks within that time is the point
  expect((await asked()) - before).toBeLessThan(100);
  expect(reports.filter(({ event }) => LEVELS[event] === 'error' && event !== 'redis refuses')).toEqual([]);
  await tell(servers[0], allow);
  await adding;
  await queues.upload.add([uploadWork('/third.wav', 1)]);
  await until('it goes on', () => done.has('/third.wav'), 30_000);
});

test('a rescan starts at once when Redis is back, for it may have forgotten what was added last', async () => {
  const [redis] = servers;
  const settings = { redis: { url: redis.url }, arrival: { rescanSeconds: 86_400, quietSeconds: 0 } };
  await using rig = await startRig(undefined, settings, { together: true });
  const rescans = async (): Promise<number> => {
    const { roles } = await rig.status();
    return roles.find(({ role }) => role === 'watch')?.counters['rescan_finished'] ?? 0;
  };
  await until('the first rescan is over', async () => (await rescans()) > 0);
  await redis.kill();
  await redis.start();
  await until('another one is over', async () => (await rescans()) > 1, 60_000);
});

test('a failed job whose recording is in the bucket all the same is removed by the next rescan', async () => {
  const url = servers[0].url;
  await using rig = await startRig(undefined, { redis: { url } }, { together: true });
  const failed = async (): Promise<number> => (await rig.status()).queues.upload?.failed ?? 0;
  const recordings = ['a.wav', 'b.wav'].map((name) => ({ name, body: randomBytes(900) }));
  await rig.land('a.tar', makeTar(recordings));
  await rig.settled(2);
  await rig.change("UPDATE uploads SET status = 'FAILED', retry_count = 99 WHERE wav_path LIKE '%/b.wav'");
  const queues = openQueues(
    { ...settings(), site: 'rig', redis: { url: new Secret(url) } },
    report,
    systemClock,
  );
  opened.push(queues);
  await queues.upload.ensure(
    recordings.map(({ name }) => givenUpWork(join(rig.extracted, name), 'as in the middle of a fail-over')),
  );
  await until('both jobs have failed', async () => (await failed()) === 2);
  expect((await rig.wavspool('rescan')).code).toBe(0);
  await until(
    'the status, which is as of a second ago at most, has one of them',
    async () => (await failed()) === 1,
  );
  expect((await queues.upload.counts()).failed).toBe(1);
});

async function errorsAt(server: TestRedis): Promise<number> {
  return Number(/total_error_replies:(\d+)/.exec(await tell(server, 'INFO stats'))?.[1]);
}
