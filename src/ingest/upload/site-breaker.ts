import { randomUUID } from 'node:crypto';
import type { Report } from '../../domain/events.ts';
import { FAULTS } from '../../domain/faults.ts';
import type { RunningWorker, Shared } from '../../platform/queue/index.ts';
import type { Clock, Random } from '../../platform/runtime/index.ts';
import {
  SERVING,
  afterLook,
  type BreakerState,
  type BreakerTimes,
  type Moment,
  type Outage,
} from './breaker-state.ts';

export interface SiteBreakerDeps {
  readonly worker: () => Pick<RunningWorker, 'active' | 'hold' | 'release'>;
  readonly concurrency: number;
  readonly shared: Pick<Shared, 'store' | 'noteReached' | 'setOutage' | 'clearOutage'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly report: Report;
}

/** The state of this process's breaker, with what follows from its changes: the worker, the site's record in Redis, the log. */
export interface SiteBreaker {
  readonly state: () => BreakerState;
  readonly moment: () => Moment;
  /** Goes to a state that this process has found; `err` is why. */
  enter(next: BreakerState, err?: unknown): void;
  /** Notes that the store answered. */
  reached(): void;
  /** Tells the site what it does not know yet, and goes by what it says. Throws what Redis says. */
  sync(): Promise<void>;
}

/** What Redis holds as far as this process knows: a stamp, nothing, or (undefined) something that could not be told. */
type Published = { readonly stamp: string | undefined } | undefined;

/** Closed, so that uploads go on, until it learns better. */
export function createSiteBreaker(deps: SiteBreakerDeps, times: BreakerTimes): SiteBreaker {
  const { clock, shared, report } = deps;
  let state: BreakerState = SERVING;
  let published: Published = { stamp: undefined };
  /** Of the outage that `state` is about. */
  let stamp: string | undefined;
  let isReached = false;

  const moment = (): Moment => ({ now: clock.now(), nowMs: clock.monotonicMs(), random: deps.random() });

  /** Makes Redis say what this process has found; safe to repeat. */
  const publish = async (): Promise<void> => {
    if (published?.stamp === stamp && published !== undefined) return;
    published = { stamp };
    const told =
      state.kind === 'serving' || stamp === undefined
        ? shared.clearOutage()
        : shared.setOutage(recordOf(state.outage, probeInMs(state), clock.now(), stamp));
    try {
      await told;
    } catch (err) {
      published = undefined;
      report('outage not published', { err });
    }
  };

  const probeInMs = (next: BreakerState): number =>
    next.kind === 'away' ? next.probeAtMs - clock.monotonicMs() : times.tryMs;

  const change = (next: BreakerState): void => {
    const before = state;
    state = next;
    steerWorker(deps, before, next);
  };

  return {
    state: () => state,
    moment,
    reached: () => {
      isReached = true;
    },
    enter: (next, err) => {
      if (next === state) return;
      if (next.kind !== 'serving') {
        const { code } = next.outage;
        const { cause } = FAULTS[code];
        if (state.kind === 'serving')
          report('store away', { cause, code, err, probeInMs: Math.round(probeInMs(next)) });
      }
      change(next);
      stamp = next.kind === 'serving' ? undefined : randomUUID();
      void publish(); // what it could not tell it has reported, and sync tells again
    },
    sync: async () => {
      await publish();
      const [before, told] = [state, published];
      const { outage, reachedAt } = await shared.store();
      if (isReached && reachedAt === undefined) await shared.noteReached(clock.now());
      // what was read is older than what this process has found meanwhile, or could not tell
      if (state !== before || published !== told || published === undefined) return;
      if (outage?.stamp === published.stamp) return;
      stamp = outage?.stamp;
      published = { stamp };
      const site = outage === undefined ? undefined : { outage, probeInMs: outage.probeAt - clock.now() };
      change(afterLook(state, site, moment(), times));
    },
  };
}

/** Takes no jobs while the store is away, one at a time while it is tried, all of them again when it is back. */
function steerWorker(
  { worker, concurrency, clock, report }: SiteBreakerDeps,
  before: BreakerState,
  next: BreakerState,
): void {
  if (next.kind === 'serving' && before.kind !== 'serving') {
    report('store back', { awayMs: Math.max(0, Math.round(clock.now() - before.outage.since)) });
    worker().release(concurrency);
  }
  if (next.kind === 'trying') worker().release(1);
  if (next.kind === 'away' && before.kind !== 'away')
    worker()
      .hold()
      .catch((err: unknown) => report('worker not paused', { queue: 'upload', err }));
}

function recordOf(
  outage: Outage,
  probeInMs: number,
  now: number,
  stamp: string,
): Parameters<Shared['setOutage']>[0] {
  return { ...outage, cause: FAULTS[outage.code].cause, probeAt: Math.round(now + probeInMs), stamp };
}
