import { expect, test } from 'vitest';
import type { ScheduledJob } from '../../../../src/platform/jobs/index.ts';
import { wakeByTimer, type TimedWork } from '../../../../src/platform/jobs/wake-by-timer.ts';
import type { Clock } from '../../../../src/platform/runtime/index.ts';

// A clock that goes on only when it is told to: what sleeps is woken in the order of its time.

interface Sleeper {
  readonly at: number;
  wake(): void;
}

interface SteppedClock extends Clock {
  /** Lets `ms` pass on both clocks. */
  pass(ms: number): Promise<void>;
  /** Sets the clock on the wall. */
  set(at: number): void;
}

/** Everything that is ready to go on has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function steppedClock(at: number): SteppedClock {
  let ms = 0;
  let ahead = at;
  const sleepers = new Set<Sleeper>();
  return {
    now: () => ahead + ms,
    monotonicMs: () => ms,
    sleep: (forMs, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve();
        const sleeper = {
          at: ms + forMs,
          wake: (): void => {
            sleepers.delete(sleeper);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', sleeper.wake, { once: true });
      }),
    pass: async (forMs) => {
      const until = ms + forMs;
      for (;;) {
        await settled();
        const next = [...sleepers].toSorted((a, b) => a.at - b.at)[0];
        if (next === undefined || next.at > until) break;
        ms = next.at;
        next.wake();
      }
      ms = until;
    },
    set: (to) => {
      ahead = to - ms;
    },
  };
}

const NOON = Date.UTC(2026, 10, 28, 12);

/** A job that is due while `isDue` says so, and runs until `end` is called. */
function job(
  id: string,
  isDue: () => boolean,
): ScheduledJob & { readonly begun: number[]; at: () => number; end(): void } {
  const begun: number[] = [];
  let end: (() => void) | undefined;
  const made = {
    id,
    when: undefined,
    begun,
    at: () => 0,
    end: () => end?.(),
    due: () => Promise.resolve(isDue() ? 'now' : undefined),
    run: async (signal: AbortSignal) => {
      begun.push(made.at());
      await new Promise<void>((resolve) => {
        end = resolve;
        signal.addEventListener('abort', () => resolve());
      });
      return signal.aborted ? ({ kind: 'release' } as const) : ({ kind: 'done' } as const);
    },
  };
  return made;
}

interface World {
  readonly clock: SteppedClock;
  readonly reported: string[];
  isPaused: boolean;
}

function world(at = NOON): World {
  return { clock: steppedClock(at), reported: [], isPaused: false };
}

function work(world: World, tasks: Parameters<typeof wakeByTimer>[1], concurrency = 6): TimedWork {
  const { clock, reported } = world;
  const report = (event: string, fields: object): void =>
    void reported.push(`${event} ${JSON.stringify(fields)}`);
  return wakeByTimer({ clock, report, isPaused: () => Promise.resolve(world.isPaused) }, tasks, concurrency);
}

test('a job begins at its minute to the second, and once', async () => {
  const here = world(NOON + 57_500);
  const minute = NOON + 60_000;
  const one = job('one', () => here.clock.now() >= minute && one.begun.length === 0);
  one.at = () => here.clock.now();
  const running = work(here, [one]);
  await here.clock.pass(30_000);
  expect(one.begun).toEqual([minute]);
  expect(running.active()).toBe(1);
  one.end();
  await here.clock.pass(60_000);
  expect(one.begun).toHaveLength(1);
  expect([running.active(), running.finished()]).toEqual([0, 1]);
  expect(await running.stop(1000)).toBe(0);
});

test('what is due after the clock was set forward begins within 5 s', async () => {
  const here = world(NOON + 1000);
  const due = NOON + 3_600_000;
  const one = job('one', () => here.clock.now() >= due && one.begun.length === 0);
  one.at = () => here.clock.now() - due;
  const running = work(here, [one]);
  await here.clock.pass(20_000);
  here.clock.set(due);
  await here.clock.pass(5000);
  expect(one.begun).toHaveLength(1);
  expect(one.begun[0]).toBeLessThanOrEqual(5000);
  one.end();
  await running.stop(1000);
});

test('at most so many run at once; when one ends the next begins without waiting for a look', async () => {
  const here = world();
  const jobs = ['a', 'b', 'c', 'd'].map((name) => {
    const made = job(name, () => made.begun.length === 0);
    made.at = () => here.clock.now();
    return made;
  });
  const running = work(here, jobs, 2);
  await here.clock.pass(0);
  expect(jobs.map(({ begun }) => begun.length)).toEqual([1, 1, 0, 0]);
  await here.clock.pass(100);
  jobs[0]?.end();
  await here.clock.pass(0);
  expect(jobs[2]?.begun).toEqual([NOON + 100]);
  for (const one of jobs) one.end();
  await here.clock.pass(0);
  expect(jobs[3]?.begun).toEqual([NOON + 100]);
  for (const one of jobs) one.end();
  await running.stop(1000);
});

test('one that does not get its turn is tried every 5 s and not as fast as it can', async () => {
  const here = world();
  let tries = 0;
  const blocked: ScheduledJob = {
    ...job('blocked', () => true),
    run: () => {
      tries += 1;
      return Promise.resolve({ kind: 'done' });
    },
  };
  const running = work(here, [blocked]);
  await here.clock.pass(60_000);
  expect(tries).toBeGreaterThanOrEqual(11);
  expect(tries).toBeLessThanOrEqual(14);
  await running.stop(1000);
});

test('a job that cannot be asked keeps no other from running, and is told of once', async () => {
  const here = world();
  const broken: ScheduledJob = {
    ...job('broken', () => false),
    due: () => Promise.reject(new Error('the directory may not be read')),
  };
  const good = job('good', () => good.begun.length === 0);
  const running = work(here, [broken, good]);
  await here.clock.pass(60_000);
  expect(good.begun).toHaveLength(1);
  expect(here.reported).toHaveLength(1);
  expect(here.reported[0]).toContain('"job":"broken"');
  good.end();
  await running.stop(1000);
});

test('a job that throws after all is told of, and the others go on', async () => {
  const here = world();
  const thrown: ScheduledJob = {
    ...job('thrown', () => here.clock.monotonicMs() < 1000),
    run: () => Promise.reject(new Error('a bug')),
  };
  const running = work(here, [thrown]);
  await here.clock.pass(2000);
  expect(here.reported).toEqual([expect.stringContaining('job crashed')]);
  expect(running.active()).toBe(0);
  await running.stop(1000);
});

test('nothing begins while it is paused; what runs goes on', async () => {
  const here = world();
  const early = job('early', () => early.begun.length === 0);
  const later = job('later', () => here.clock.monotonicMs() > 10_000 && later.begun.length === 0);
  const running = work(here, [early, later]);
  await here.clock.pass(1000);
  here.isPaused = true;
  await here.clock.pass(120_000);
  expect([early.begun.length, later.begun.length, running.active()]).toEqual([1, 0, 1]);
  here.isPaused = false;
  await here.clock.pass(5000);
  expect(later.begun).toHaveLength(1);
  early.end();
  later.end();
  await running.stop(1000);
});

test('stopping waits for what runs, and after its grace releases it', async () => {
  const here = world();
  const quick = job('quick', () => quick.begun.length === 0);
  const slow = job('slow', () => slow.begun.length === 0);
  const running = work(here, [quick, slow]);
  await here.clock.pass(1000);
  const stopped = running.stop(30_000);
  await here.clock.pass(10_000);
  quick.end();
  await here.clock.pass(25_000);
  expect(await stopped).toBe(1);
  expect([quick.begun.length, slow.begun.length]).toEqual([1, 1]);
});
