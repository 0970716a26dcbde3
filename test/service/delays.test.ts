import { afterEach, beforeEach, expect, test } from 'vitest';
import { Secret } from '../../src/platform/config/index.ts';
import { retryWork, type Queues, type RunningWorker } from '../../src/platform/queue/index.ts';
import { openQueues } from '../../src/platform/queue/open.ts';
import { systemClock, type Clock } from '../../src/platform/runtime/index.ts';
import { ask, until } from '../support/ports.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

// A retry that is due in seconds runs in seconds, whatever the wall clock does.

const HOUR_MS = 3_600_000;
let redis: TestRedis;
let queues: Queues;
let worker: RunningWorker | undefined;
let aheadMs: number;
let reported: string[];
let ran: string[];

const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };

beforeEach(async () => {
  redis = await startRedis({ appendOnly: 'off' });
  aheadMs = 0;
  reported = [];
  ran = [];
  const settings = {
    site: 'main',
    redis: { url: new Secret(redis.url) },
    paths: { data: '/nowhere', incoming: '/in', extracted: '/x', state: '/s', log: '/l' },
  };
  queues = openQueues(settings, (event) => void reported.push(event), clock);
});
afterEach(async () => {
  await worker?.stop(1000);
  worker = undefined;
  await queues.close();
  await redis[Symbol.asyncDispose]();
});

/** A retry that was delayed by two seconds while the clock was an hour ahead; it is right again. */
async function delayBeforeSetBack(path: string): Promise<void> {
  const work = retryWork(path, 1, 2000);
  await queues.upload.add([work]);
  const due = (systemClock.now() + HOUR_MS + 2000) * 0x1000;
  const { bull } = queues.upload;
  await ask({ port: Number(new URL(redis.url).port) }, `ZADD ${bull.toKey('delayed')} ${due} ${work.id}\r\n`);
  const [job] = await bull.getDelayed();
  expect(job).toMatchObject({ id: work.id, delay: 2000 });
}

function startWork(): void {
  worker = queues.work<'upload'>({
    kind: 'upload',
    concurrency: 1,
    process: async (payload) => {
      ran.push('recording' in payload ? payload.recording : '');
      return { kind: 'done' };
    },
  });
}

test('a clock that was set back while nothing ran puts no retry off', async () => {
  await delayBeforeSetBack('/a.wav');
  startWork();
  await until('it runs', () => ran.includes('/a.wav'), 20_000);
  expect(reported).toContain('delays renewed');
});

test('a clock that is set back while a worker waits puts no retry off', async () => {
  aheadMs = HOUR_MS;
  startWork();
  await queues.upload.add([retryWork('/first.wav', 1, 100)]);
  await until('it works', () => ran.includes('/first.wav'));
  await delayBeforeSetBack('/b.wav');
  expect(reported).not.toContain('delays renewed');
  aheadMs = 0;
  await until('it runs', () => ran.includes('/b.wav'), 20_000);
  expect(reported).toContain('delays renewed');
});

test('what is due when its delay says so is left alone', async () => {
  await queues.upload.add([retryWork('/later.wav', 1, HOUR_MS), retryWork('/soon.wav', 1, 1500)]);
  startWork();
  await until('the other runs', () => ran.includes('/soon.wav'), 20_000);
  expect(ran).toEqual(['/soon.wav']);
  expect(reported).not.toContain('delays renewed');
});
