import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { maintenanceJobs, maintenanceStatus } from '../../src/maintenance/catalogue/index.ts';
import { openQueuesNow, type Queues } from '../../src/platform/queue/index.ts';
import { Secret } from '../../src/platform/config/index.ts';
import type { Report } from '../../src/domain/events.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { dueNow, openJournal, runJob, type Job, type Journal } from '../../src/platform/jobs/index.ts';
import { makeHostRig } from '../support/host-rig.ts';
import { startRedis } from '../support/redis.ts';
import { controlledClock, type ControlledClock } from '../support/time-machine.ts';

// A clock that jumps stops no schedule: what the journal noted while the clock was ahead proves nothing.

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-03-03T12:00:00Z');

let data: string;
let journal: Journal;
let clock: ControlledClock;
let reports: Record<string, unknown>[];
const report: Report = (event, details) => void reports.push({ event, ...details });

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'wavspool-clock-'));
  journal = await openJournal(data);
  clock = controlledClock(NOW);
  reports = [];
});
afterEach(async () => {
  journal.close();
  await rm(data, { recursive: true, force: true });
});

interface Watched {
  readonly job: Job;
  readonly ran: string[];
}

function watched(when: NonNullable<Job['when']>): Watched {
  const ran: string[] = [];
  const run = (): Promise<object> => {
    ran.push(new Date(clock.now()).toISOString().slice(0, 16));
    return Promise.resolve({});
  };
  return { job: { id: 'snapshot state daily', lock: 'snapshot state', when, run }, ran };
}

/** One look at what is due, as the maintain role does it every few seconds. */
async function look({ job }: Watched): Promise<void> {
  const deps = { journal, dataDirectory: data, clock, report, timezone: 'UTC' };
  const due = await dueNow(deps, job);
  if (due === undefined) return;
  await runJob(deps, job, { by: 'schedule', due, patienceMs: 0 }, new AbortController().signal);
}

async function lookAt(one: Watched, ...times: readonly string[]): Promise<void> {
  for (const time of times) {
    clock.set(Date.parse(time));
    await look(one);
  }
}

test('a daily job runs every day after the clock was ten years ahead, and the jump is reported once', async () => {
  const daily = watched({ cron: '0 2 * * *' });
  await lookAt(daily, '2026-03-01T12:00:00Z', '2026-03-02T02:00:05Z', '2036-05-05T05:05:00Z');
  await lookAt(daily, '2026-03-02T12:00:00Z', '2026-03-03T02:00:05Z', '2026-03-04T02:00:05Z');
  expect(daily.ran).toEqual(['2026-03-02T02:00', '2036-05-05T05:05', '2026-03-03T02:00', '2026-03-04T02:00']);
  expect(reports.filter(({ event }) => event === 'clock was ahead')).toEqual([
    { event: 'clock was ahead', job: 'snapshot state daily', runs: 1, until: '2036-05-05T05:05:00.000Z' },
  ]);
});

test('days that went by on a clock that was ahead are done again when they really come', async () => {
  const daily = watched({ cron: '0 2 * * *' });
  await lookAt(daily, '2026-03-01T12:00:00Z', '2026-03-05T02:00:05Z', '2026-03-06T02:00:05Z');
  await lookAt(daily, '2026-03-01T13:00:00Z', '2026-03-05T02:00:05Z', '2026-03-06T02:00:05Z');
  expect(daily.ran).toHaveLength(4);
});

test('a schedule that was first seen while the clock was ahead runs at its next time', async () => {
  const daily = watched({ cron: '0 2 * * *' });
  await lookAt(daily, '2036-03-01T12:00:00Z', '2026-03-01T12:00:00Z', '2026-03-02T02:00:05Z');
  expect(daily.ran).toEqual(['2026-03-02T02:00']);
});

test('a clock that starts in the past and is set right brings one run, and every later one', async () => {
  const daily = watched({ cron: '0 2 * * *' });
  await lookAt(daily, '2026-03-01T12:00:00Z', '2026-03-02T02:00:05Z');
  await lookAt(daily, '1970-01-01T00:00:30Z', '2026-03-02T12:00:00Z', '2026-03-03T02:00:05Z');
  expect(daily.ran.filter((at) => at.startsWith('2026-03-02'))).toHaveLength(2);
  expect(daily.ran.at(-1)).toBe('2026-03-03T02:00');
});

test.each([{ cron: '0 2 * * *' }, { everyMs: 6 * 3_600_000 }])(
  'wherever the clock was before, within a day of right time %o has run',
  async (when) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: Date.parse('2040-01-01') }), { minLength: 1, maxLength: 6 }),
        async (jumps) => {
          journal.close();
          await rm(data, { recursive: true, force: true });
          journal = await openJournal(data);
          const one = watched(when);
          for (const at of jumps) {
            clock.set(at);
            await look(one);
          }
          clock.set(NOW);
          await look(one);
          const before = one.ran.length;
          for (let minutes = 0; minutes <= 1440; minutes += 30) {
            clock.set(NOW + minutes * 60_000);
            await look(one);
          }
          expect(one.ran.length).toBeGreaterThan(before);
        },
      ),
      { numRuns: 40 },
    );
  },
);

test('a job that no process runs is overdue since its first time, and that does not move', async () => {
  await using rig = await makeHostRig('');
  const host = { ...rig.host, clock };
  const state = async (at: string): Promise<unknown> => {
    clock.set(Date.parse(at));
    const { schedules } = await maintenanceStatus(host, maintenanceJobs(host));
    const nightly = schedules.find(({ job }) => job === 'snapshot state nightly');
    return { dueAt: nightly?.dueAt, overdue: nightly?.overdue };
  };
  const dueAt = '2026-03-04T02:00:00.000Z';
  expect(await state('2026-03-03T12:00:00Z')).toEqual({ dueAt: null, overdue: false });
  expect(await state('2026-03-04T02:05:00Z')).toEqual({ dueAt, overdue: false });
  expect(await state('2026-03-04T02:16:00Z')).toEqual({ dueAt, overdue: true });
  expect(await state('2026-04-04T02:16:00Z')).toEqual({ dueAt, overdue: true });
  await host.journal.begin({
    job: 'snapshot state nightly',
    by: 'hand',
    due: undefined,
    startedAt: clock.now(),
  });
  expect(await state('2026-04-04T06:00:00Z')).toEqual({ dueAt, overdue: false }); // it runs
  expect(await state('2026-04-05T06:00:00Z')).toEqual({ dueAt, overdue: true }); // nothing runs that long
});

test('a job that Redis put off until a time far away comes at its interval', async () => {
  await using redis = await startRedis({ appendOnly: 'off' });
  const settings = { site: 'main', redis: { url: new Secret(redis.url) }, paths: { data } as never };
  const queues: Queues = await openQueuesNow(settings, report, systemClock);
  try {
    const next = async (): Promise<number> =>
      ((await queues.maintenance.bull.getJobScheduler('receipts'))?.next ?? 0) - Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3650 * DAY_MS });
    await queues.maintenance.schedule('receipts', 10_000, { v: 1, run: 'receipts' });
    vi.useRealTimers();
    expect(await next()).toBeGreaterThan(DAY_MS);
    await queues.maintenance.schedule('receipts', 10_000, { v: 1, run: 'receipts' });
    expect(await next()).toBeLessThanOrEqual(10_000);
  } finally {
    vi.useRealTimers();
    await queues.close();
  }
});
