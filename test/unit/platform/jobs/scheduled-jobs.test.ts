import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  openJournal,
  scheduledJobs,
  type Job,
  type Journal,
  type ScheduledJob,
} from '../../../../src/platform/jobs/index.ts';
import { systemClock, type Clock } from '../../../../src/platform/runtime/index.ts';

const START = Date.parse('2026-11-28T12:00:00Z');
const never = new AbortController().signal;

let data: string;
let journal: Journal;
let now: number;
let reported: string[];
beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'wavspool-jobs-'));
  journal = await openJournal(data);
  now = START;
  reported = [];
});
afterEach(() => {
  journal.close();
  rmSync(data, { recursive: true });
});

const clock: Clock = { ...systemClock, now: () => now };

/** The job as one process has it. */
function scheduled(job: Job, on = journal): ScheduledJob {
  const deps = {
    journal: on,
    dataDirectory: data,
    clock,
    report: (event: string, fields: object) => void reported.push(`${event} ${JSON.stringify(fields)}`),
    timezone: 'UTC',
  };
  const [only] = scheduledJobs(deps, [job]);
  if (only === undefined) throw new Error('there is none');
  return only;
}

/** A job that holds the lock `shared` from when `begun` resolves until `end` is called. */
function holder() {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<object>();
  const job: Job = {
    id: 'first',
    lock: 'shared',
    when: { everyMs: 1000 },
    run: () => {
      begun.resolve();
      return ended.promise;
    },
  };
  return { run: scheduled(job).run(never), begun: begun.promise, end: () => ended.resolve({}) };
}

/** A job every 10 s whose runs did so much; a number below 0 is a failure. */
function quiet(...did: number[]): Job<{ did: number }> & { runs: number } {
  const job = {
    id: 'quiet',
    lock: 'quiet',
    when: { everyMs: 10_000 },
    runs: 0,
    isNews: (result: { did: number }) => result.did > 0,
    run: async () => {
      const amount = did[job.runs] ?? 0;
      job.runs += 1;
      if (amount < 0) throw new Error('away');
      return { did: amount };
    },
  };
  return job;
}

test('a job comes at its interval, counted from its last beginning, also when it is woken more often', async () => {
  const job = quiet();
  const one = scheduled(job);
  const begun: number[] = [];
  for (; now < START + 60_000; now += 500) {
    const runs = job.runs;
    await one.run(never);
    if (job.runs > runs) begun.push(now - START);
  }
  expect(begun).toEqual([0, 9000, 18_000, 27_000, 36_000, 45_000, 54_000]);
});

test('a run that did nothing is neither reported nor noted, one that did something or failed is', async () => {
  const one = scheduled(quiet(0, 3, 0, -1, 0));
  const outcomes: unknown[] = [];
  for (let run = 0; run < 5; run += 1) {
    await one.run(never);
    outcomes.push((await journal.last('quiet', now)).run?.outcome);
    now += 10_000;
  }
  expect(outcomes).toEqual([undefined, 'done', 'done', 'failed', 'failed']);
  expect(reported.map((line) => line.split(' {')[0])).toEqual(['job done', 'job failed']);
});

test('another process knows of a run that was noted, and runs at once what it knows nothing of', async () => {
  const other = await openJournal(data);
  await scheduled(quiet(1)).run(never);
  expect(await scheduled(quiet(), other).due()).toBeUndefined();
  now += 10_000;
  await scheduled(quiet(0)).run(never);
  expect(await scheduled(quiet(), other).due()).toBeDefined();
  other.close();
});

test('a job of every few seconds goes on when the clock was set back, however far', async () => {
  const job = quiet();
  const one = scheduled(job);
  now += 365 * 86_400_000;
  await one.run(never);
  now = START;
  await one.run(never);
  expect(job.runs).toBe(2);
});

test('one that waits for its turn is not waited for a second time, and runs once', async () => {
  const first = holder();
  await first.begun;
  const job: Job & { runs: number } = { ...quiet(), lock: 'shared', patienceMs: 60_000 };
  let runs = 0;
  const second = scheduled({ ...job, run: async () => ({ did: (runs += 1) }) });
  const waiting = second.run(never);
  expect(await second.run(never)).toEqual({ kind: 'done' });
  expect(runs).toBe(0);
  first.end();
  expect(await Promise.all([first.run, waiting])).toEqual([{ kind: 'done' }, { kind: 'done' }]);
  expect(runs).toBe(1);
});

test('one without patience that does not get its turn is due still', async () => {
  const first = holder();
  await first.begun;
  const second = scheduled({ ...quiet(), lock: 'shared' });
  expect(await second.run(never)).toEqual({ kind: 'done' });
  expect(await second.due()).toBeDefined();
  first.end();
  await first.run;
});

test('one that is told to stop hands back, and stays due', async () => {
  const stop = new AbortController();
  const begun = Promise.withResolvers<void>();
  const job: Job = {
    id: 'long',
    lock: 'long',
    when: { cron: '* * * * *' },
    run: (signal) => {
      begun.resolve();
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(new Error('told to stop'))),
      );
    },
  };
  const one = scheduled(job);
  await one.due(); // its schedule is known from now on
  now += 60_000;
  const run = one.run(stop.signal);
  await begun.promise;
  stop.abort();
  expect(await run).toEqual({ kind: 'release' });
  expect(await one.due()).toBeDefined();
});
