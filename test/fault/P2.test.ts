import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, until } from '../support/ports.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startRig, type Rig } from '../support/rig.ts';
import { makeTar } from '../support/tars.ts';

// P2: Redis is disposable. Whatever happens to it, roles wait and go on, and the queues come back from the disk and state.db.

let redis: TestRedis;
let rig: Rig;
let landed = 0;
let settled = 0;

// one for all: each test leaves everything settled, and a fleet of `up` costs as much CPU as most of what is asked of it here
beforeAll(async () => {
  redis = await startRedis({ appendOnly: 'off' });
  rig = await startRig(undefined, { redis: { url: redis.url } });
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

async function land(tars: number, each: number): Promise<void> {
  for (let tar = 0; tar < tars; tar++) {
    const members = Array.from({ length: each }, (_, i) => ({
      name: `${landed}-${i}.wav`,
      body: randomBytes(30_000),
    }));
    landed += each;
    await rig.land(`${landed}/a.tar`, makeTar(members));
  }
}

const tell = (...words: string[]): Promise<string> =>
  ask({ port: Number(new URL(redis.url).port) }, `${words.join(' ')}\r\n`);

async function expectWhole(): Promise<void> {
  await rig.settled(landed);
  const objects = await rig.objects();
  const rows = await rig.rows('SELECT key, sha256, retry_count FROM uploads');
  expect(Object.keys(objects)).toHaveLength(landed);
  for (const { key, sha256 } of rows) expect(objects[String(key)]?.sha256).toBe(sha256);
  expect(rows.every(({ retry_count }) => retry_count === 0)).toBe(true);
  expect((await rig.log()).split('\n').filter((line) => line.includes('"role died"'))).toEqual([]);
  settled = landed;
}

const counted = async (what: string): Promise<number> =>
  Number((await rig.rows(`SELECT count(*) AS n FROM ${what}`))[0]?.['n']);

/** Of those that this test has landed. */
const uploaded = (n: number): Promise<void> =>
  until(
    `${n} recordings are uploaded`,
    async () => (await counted("uploads WHERE status = 'SUCCESS'")) >= settled + n,
  );

test('FLUSHALL while every worker idles: the next tar goes through', async () => {
  await land(1, 5);
  await expectWhole();
  await new Promise((resolve) => setTimeout(resolve, 2000));
  expect(await tell('FLUSHALL')).toContain('OK');
  await land(1, 5);
  await expectWhole();
});

test('FLUSHALL again and again while all roles work', async () => {
  await land(10, 40);
  for (let done = 20; done <= 320; done += 60) {
    await uploaded(done);
    await tell('FLUSHALL');
  }
  await expectWhole();
});

test('FLUSHALL while work waits: the pause holds, and the queues are rebuilt', async () => {
  await rig.wavspool('pause', 'upload', '--reason', 'test');
  const before = await counted('extracted_tars');
  await land(5, 20);
  await until('every tar is extracted', async () => (await counted('extracted_tars')) === before + 5);
  await tell('FLUSHALL');
  await until('the pause is back', async () =>
    (await tell('HEXISTS', 'wavspool:rig.upload:meta', 'paused')).startsWith(':1'),
  );
  expect((await rig.wavspool('status')).stdout).toContain('PAUSED: test');
  await rig.wavspool('resume');
  await expectWhole();
});

test('an empty new Redis in the place of the old one', async () => {
  await land(10, 40);
  await uploaded(40);
  await redis.kill();
  await redis.start();
  await expectWhole();
});

test('Redis is away for a while, and while roles start', async () => {
  await land(5, 20);
  await uploaded(10);
  await rig.stop();
  await redis.stop();
  await rig.launch();
  await land(2, 20);
  await new Promise((resolve) => setTimeout(resolve, 8000));
  await redis.start();
  await uploaded(60);
  await redis.stop();
  await land(2, 20);
  await new Promise((resolve) => setTimeout(resolve, 5000));
  await redis.start();
  await expectWhole();
});

test('Redis is out of memory: nothing is accepted, nothing is lost, and it goes on when there is memory', async () => {
  await land(2, 20);
  await uploaded(10);
  await tell('CONFIG', 'SET', 'maxmemory', '1');
  await land(3, 20);
  await new Promise((resolve) => setTimeout(resolve, 6000));
  await tell('CONFIG', 'SET', 'maxmemory', '0');
  await expectWhole();
});

test('every connection is cut in the middle of work', async () => {
  await land(5, 40);
  await uploaded(20);
  await tell('CLIENT', 'KILL', 'TYPE', 'normal');
  await expectWhole();
});
