import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WavspoolError, type FaultCode } from '../../../../src/domain/faults.ts';
import type { StoreOutage } from '../../../../src/platform/queue/index.ts';
import type { Clock } from '../../../../src/platform/runtime/index.ts';
import type { Finding } from '../../../../src/ingest/upload/breaker-state.ts';
import {
  circuitBreaker,
  type BreakerDeps,
  type CircuitBreaker,
} from '../../../../src/ingest/upload/circuit-breaker.ts';

// P7 over interleavings: several processes of a site, a Redis between them that loses what it is told, a store that comes and
// goes, and processes that die at any moment. Whatever happened, those that are left go on once the store serves, without new
// work; and nobody's retry is spent while it does not.

const CONCURRENCY = 4;
const HALF_AN_HOUR_MS = 1_800_000;

type Store = 'serves' | 'away' | 'refuses';

/** What happens, beside time going by and messages arriving in any order. */
type Step =
  | { readonly kind: 'store'; readonly is: Store }
  | { readonly kind: 'redis'; readonly isThere: boolean }
  | { readonly kind: 'start' }
  | { readonly kind: 'kill'; readonly which: number }
  | { readonly kind: 'upload'; readonly which: number; readonly bad: boolean }
  | { readonly kind: 'pass'; readonly ms: number };

interface Process {
  readonly breaker: CircuitBreaker;
  /** How many jobs the worker may run. */
  readonly jobs: () => number;
  readonly kill: () => void;
}

class World {
  store: Store = 'serves';
  redisIsThere = true;
  outage: StoreOutage | undefined;
  reachedAt: number | undefined;
  lease: { readonly who: string; readonly until: number } | undefined;
  now = 1_000_000;
  readonly timers = new Set<{ readonly at: number; readonly ring: () => void }>();
  readonly processes: Process[] = [];
  readonly reported: string[] = [];
  spent = 0;
  private started = 0;

  readonly scheduler: fc.Scheduler;
  constructor(scheduler: fc.Scheduler) {
    this.scheduler = scheduler;
  }

  start(): void {
    const who = `p${(this.started += 1)}`;
    let jobs = CONCURRENCY;
    let dead = false;
    const clock: Clock = {
      now: () => this.now,
      monotonicMs: () => this.now,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted === true) return resolve();
          const timer = {
            at: this.now + ms,
            ring: () => {
              this.timers.delete(timer);
              if (!dead) resolve();
            },
          };
          this.timers.add(timer);
          signal?.addEventListener('abort', timer.ring, { once: true });
          return undefined;
        }),
    };
    const deps: BreakerDeps = {
      worker: () => ({
        active: () => 0,
        hold: async () => {
          jobs = 0;
        },
        release: (n) => {
          jobs = n;
        },
      }),
      concurrency: CONCURRENCY,
      shared: this.redisFor(who, () => dead),
      ask: async () => {
        await this.scheduler.schedule(Promise.resolve(), `${who} asks the store`);
        return findingOf(this.store);
      },
      clock,
      random: () => 0.5,
      report: (event, fields) => {
        this.reported.push(event);
        if (event === 'store not asked' || event === 'worker not paused')
          throw new Error(event, { cause: fields });
      },
      who,
    };
    const breaker = circuitBreaker(deps);
    this.processes.push({
      breaker,
      jobs: () => jobs,
      kill: () => {
        dead = true; // SIGKILL: nothing of it goes on, and nobody is told
        this.processes.splice(
          this.processes.findIndex((one) => one.breaker === breaker),
          1,
        );
      },
    });
  }

  private redisFor(who: string, isDead: () => boolean): BreakerDeps['shared'] {
    /** A command arrives at some time, in order with the others of its connection, or never. */
    let last: Promise<unknown> = Promise.resolve();
    const command = <T>(what: string, act: () => T): Promise<T> => {
      const before = last;
      const sent = (async () => {
        await before;
        await this.scheduler.schedule(Promise.resolve(), `${who} ${what}`);
        if (isDead()) return new Promise<never>(() => undefined);
        if (!this.redisIsThere) throw new Error('Redis is away');
        return act();
      })();
      last = sent.catch(() => undefined);
      return sent;
    };
    return {
      store: () => command('looks', () => ({ outage: this.outage, reachedAt: this.reachedAt })),
      noteReached: (at) => command('reached it', () => void (this.reachedAt ??= at)),
      setOutage: (outage) => command('tells', () => void (this.outage = outage)),
      clearOutage: () =>
        command('clears', () => {
          this.outage = undefined;
          this.lease = undefined;
        }),
      mayProbe: (prober, ms) =>
        command('wants to probe', () => {
          const { lease } = this;
          if (lease !== undefined && lease.until > this.now) return lease.who === prober;
          this.lease = { who: prober, until: this.now + ms };
          return true;
        }),
    };
  }

  /** Lets messages arrive and time go by for so long. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    for (;;) {
      while (this.scheduler.count() > 0) await this.scheduler.waitOne();
      await settled();
      if (this.scheduler.count() > 0) continue;
      const next = [...this.timers].toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > until) break;
      this.now = Math.max(this.now, next.at);
      next.ring();
      await settled();
    }
    this.now = until;
  }

  async step(step: Step): Promise<void> {
    switch (step.kind) {
      case 'store':
        this.store = step.is;
        return;
      case 'redis':
        this.redisIsThere = step.isThere;
        return;
      case 'start':
        if (this.processes.length < 4) this.start();
        return;
      case 'kill':
        this.processes[step.which % Math.max(1, this.processes.length)]?.kill();
        return;
      case 'upload':
        return this.upload(step);
      case 'pass':
        return this.pass(step.ms);
    }
  }

  /** One recording's try, if the process may; a bad one is refused for its own sake by a store that serves. */
  private upload({ which, bad }: { readonly which: number; readonly bad: boolean }): void {
    const process = this.processes[which % Math.max(1, this.processes.length)];
    if (process === undefined || process.jobs() === 0) return;
    if (this.store === 'serves') {
      if (!bad) return process.breaker.succeeded('/good');
      const error = new WavspoolError('OBJECT_REJECTED', 'this one is refused');
      expect(process.breaker.failed({ error, evidence: 'serves' }, '/bad').whose).toBe('recording');
      return;
    }
    const code: FaultCode = this.store === 'away' ? 'STORE_UNREACHABLE' : 'STORE_CREDENTIALS';
    const { whose } = process.breaker.failed(
      { error: new WavspoolError(code, 'the store is away'), evidence: 'away' },
      `/${which}`,
    );
    if (whose === 'recording') this.spent += 1;
  }
}

function findingOf(store: Store): Finding {
  if (store === 'serves') return { kind: 'serves' };
  return store === 'away'
    ? { kind: 'away', code: 'STORE_UNREACHABLE', message: 'nobody answers' }
    : { kind: 'unsure', code: 'STORE_CREDENTIALS', message: 'denied' };
}

/** Every promise that can go on by itself has. */
async function settled(): Promise<void> {
  for (let i = 0; i < 30; i += 1) await Promise.resolve();
}

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('store' as const), is: fc.constantFrom<Store>('serves', 'away', 'refuses') }),
  fc.record({ kind: fc.constant('redis' as const), isThere: fc.boolean() }),
  fc.record({ kind: fc.constant('start' as const) }),
  fc.record({ kind: fc.constant('kill' as const), which: fc.nat(3) }),
  fc.record({ kind: fc.constant('upload' as const), which: fc.nat(3), bad: fc.boolean() }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(100, 900, 1500, 12_000, 70_000) }),
);

test('P7: whichever process dies and whatever comes in between, all go on once the store serves, without new work', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.array(step, { maxLength: 25 }), async (scheduler, steps) => {
      const world = new World(scheduler);
      world.start();
      world.start();
      for (const one of steps) await world.step(one);
      expect(world.spent).toBe(0);

      world.store = 'serves';
      world.redisIsThere = true;
      if (world.processes.length === 0) world.start();
      await world.pass(200_000); // a slowest probe, a lease of one that died, and another probe
      expect(world.outage).toBeUndefined();
      expect(world.reachedAt).toBeDefined();
      for (const { jobs, breaker } of world.processes) {
        expect(jobs()).toBe(CONCURRENCY);
        expect(breaker.held()).toBeUndefined();
        breaker.stop();
      }
    }),
    { numRuns: 150 },
  );
});

test('P7: while the store is away there are probes, by one process at a time, at most one a minute in the end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const world = new World(scheduler);
      world.store = 'away';
      for (let i = 0; i < 3; i += 1) world.start();
      await world.pass(HALF_AN_HOUR_MS);
      const probes = scheduler.report().filter(({ label }) => label.includes('asks the store')).length;
      expect(probes).toBeLessThan(60);
      expect(probes).toBeGreaterThan(25);
      expect(world.outage).toMatchObject({ code: 'STORE_UNREACHABLE' });
      expect(world.reachedAt).toBeUndefined(); // it never answered, and everybody can see that
      for (const { jobs, breaker } of world.processes) {
        expect(jobs()).toBe(0);
        expect(breaker.held()).toMatchObject({ what: 'upload', cause: 'network' });
        breaker.stop();
      }
    }),
    { numRuns: 1 },
  );
});

test('P7: one key that is refused while every question is denied stops the others three times, then pays for itself', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const world = new World(scheduler);
      world.store = 'refuses';
      world.start();
      const [process] = world.processes;
      const denied = { error: new WavspoolError('STORE_CREDENTIALS', 'denied'), evidence: 'away' as const };
      const verdicts: string[] = [];
      for (let i = 0; i < 5; i += 1) {
        await world.pass(5000);
        verdicts.push(process?.breaker.failed(denied, '/denied').whose ?? '');
        await world.pass(5000);
        process?.breaker.succeeded('/good');
      }
      expect(verdicts).toEqual(['probe', 'probe', 'probe', 'recording', 'recording']);
      expect(process?.breaker.failed(denied, '/denied').error).toMatchObject({ code: 'OBJECT_REJECTED' });
      process?.breaker.stop();
    }),
    { numRuns: 1 },
  );
});
