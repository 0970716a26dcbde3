import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Secret } from '../../src/platform/config/secret.ts';
import { LEVELS } from '../../src/domain/event-levels.ts';
import type { EventName } from '../../src/domain/events.ts';
import type { Queues } from '../../src/platform/queue/index.ts';
import { openQueues } from '../../src/platform/queue/open.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { until } from '../support/ports.ts';

// The locks here last an hour: a job that is done within a test was not waited for.

const HOLDER = join(import.meta.dirname, '../support/job-holder.ts');
const url = process.env['WAVSPOOL_TEST_REDIS'] ?? '';
let site = '';
let queues: Queues;
let holder: ChildProcess;
let reported: { event: EventName; fields: unknown }[] = [];

beforeEach(async () => {
  site = `orphans-${randomBytes(4).toString('hex')}`;
  reported = [];
  const settings = { site, redis: { url: new Secret(url) }, paths: { data: '/nowhere' } };
  queues = openQueues(
    settings as Parameters<typeof openQueues>[0],
    (event, fields) => {
      reported.push({ event, fields });
    },
    systemClock,
  );
  await queues.maintenance.add([{ id: 'a', payload: { v: 1, run: 'a' }, priority: 7 }]);
  holder = spawn(process.execPath, [HOLDER, url, site], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (holder.stdout !== null) await once(holder.stdout, 'data');
});
afterEach(async () => {
  if (holder.exitCode === null && holder.signalCode === null) {
    holder.kill('SIGKILL');
    await once(holder, 'exit');
  }
  await queues.maintenance.bull.obliterate({ force: true });
  await queues.close();
});

/** Starts a worker and returns what it has done so far, with how it is stopped. */
function startWorker(): { readonly done: string[]; readonly stop: () => Promise<unknown> } {
  const done: string[] = [];
  const worker = queues.work<'maintenance'>({
    kind: 'maintenance',
    concurrency: 1,
    lockMs: 3_600_000,
    process: ({ run }) => {
      done.push(run);
      return Promise.resolve({ kind: 'done' });
    },
  });
  return { done, stop: () => worker.stop(1000) };
}

test('a worker that takes the place of a killed one on its host goes on with its jobs at once', async () => {
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const workers = [startWorker(), startWorker()]; // two are started: one of them takes it, and no more
  await until('the job is done', () => workers.some(({ done }) => done.length > 0));
  await queues.maintenance.add([{ id: 'b', payload: { v: 1, run: 'b' }, priority: 9 }]);
  await until('the next one is done', () => workers.some(({ done }) => done.includes('b')));
  expect(workers.flatMap(({ done }) => done).toSorted()).toEqual(['a', 'b']);
  for (const { stop } of workers) await stop();
  expect(reported.filter(({ event }) => event === 'orphans reclaimed')).toEqual([
    { event: 'orphans reclaimed', fields: { queue: 'maintenance', jobs: 1 } },
  ]);
  expect(reported.filter(({ event }) => LEVELS[event] === 'error')).toEqual([]);
});

test('a job of a process that only stands still stays with it', async () => {
  holder.kill('SIGSTOP');
  const { done, stop } = startWorker();
  await queues.maintenance.add([{ id: 'b', payload: { v: 1, run: 'b' }, priority: 9 }]);
  await until('the other job is done', () => done.includes('b'));
  expect(done).toEqual(['b']);
  expect(await queues.maintenance.state('a')).toBe('active');
  await stop();
});
