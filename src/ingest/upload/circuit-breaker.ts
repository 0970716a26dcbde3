import { FAULTS, WavspoolError, faultCode, messageOf } from '../../domain/faults.ts';
import type { HeldWork, Shared } from '../../platform/queue/index.ts';
import { every } from '../../platform/runtime/index.ts';
import { createAccused } from './accused.ts';
import {
  BREAKER_TIMES,
  afterFailure,
  afterIdleLook,
  afterProbe,
  afterSuccess,
  type Finding,
  type BreakerTimes,
  type Whose,
} from './breaker-state.ts';
import { asRecordings, type Judgement } from './outage-probe.ts';
import { createSiteBreaker, type SiteBreaker, type SiteBreakerDeps } from './site-breaker.ts';

/** P7's effects: holds the worker while the store is away, tells the site, probes, and goes on. breaker-state.ts decides. */
export interface CircuitBreaker {
  succeeded(recording: string): void;
  /** Whose failure it was, and the fault that it is then. */
  failed(judgement: Judgement, recording: string): Failed;
  /** Whether the store was last called away on account of this recording: others are to be tried before it. */
  isAccused(recording: string): boolean;
  /** For the heartbeat: why nothing is uploaded here; undefined while it is. */
  held(): HeldWork | undefined;
  stop(): void;
}

export interface Failed {
  readonly whose: Whose;
  readonly error: unknown;
  /** When the store is asked again; 0 while it serves. */
  readonly probeInMs: number;
}

export interface BreakerDeps extends SiteBreakerDeps {
  readonly shared: SiteBreakerDeps['shared'] & Pick<Shared, 'mayProbe'>;
  /** Asks the store as a whole whether it serves; `whole`: by an object that is really written, and removed again. */
  readonly ask: (whole: boolean, signal: AbortSignal) => Promise<Finding>;
  readonly who: string;
  readonly times?: BreakerTimes;
}

/** The breaker of this process; the site's other upload processes learn of an outage through Redis. */
export function circuitBreaker(deps: BreakerDeps): CircuitBreaker {
  const { times = BREAKER_TIMES, clock } = deps;
  const stopped = new AbortController();
  const accused = createAccused();
  const breaker = createSiteBreaker(deps, times);
  void watch({ ...deps, times }, breaker, stopped.signal);

  return {
    succeeded: (recording) => {
      breaker.reached();
      accused.succeeded(recording);
      const state = breaker.state();
      if (state.kind !== 'serving' || state.suspects.size > 0 || state.probes > 0)
        breaker.enter(afterSuccess());
    },
    failed: ({ error, evidence }, recording) => {
      if (evidence === 'serves') breaker.reached();
      const code = faultCode(error);
      const failure = { recording, code, message: messageOf(error), evidence };
      const { state, whose } = afterFailure(breaker.state(), failure, breaker.moment(), times);
      const isItsOwn = whose === 'probe' && evidence === 'away' && accused.accuse(recording);
      // a store that is asked too much refuses any of them, some again and again
      if (isItsOwn && code !== 'STORE_THROTTLED')
        return { whose: 'recording', error: asRecordings(error), probeInMs: 0 };
      breaker.enter(state, error);
      const probeInMs = state.kind === 'away' ? Math.max(0, state.probeAtMs - clock.monotonicMs()) : 0;
      return { whose, error, probeInMs };
    },
    isAccused: (recording) => accused.has(recording),
    held: () => {
      const state = breaker.state();
      if (state.kind === 'serving') return undefined;
      const { code, message, since } = state.outage;
      return { what: 'upload', cause: FAULTS[code].cause, message, since };
    },
    stop: () => stopped.abort(),
  };
}

type WatchDeps = BreakerDeps & { readonly times: BreakerTimes };

/** Looks at what the site says, and at the store when it is time to, until stopped. Never rejects. */
async function watch(deps: WatchDeps, breaker: SiteBreaker, stopped: AbortSignal): Promise<void> {
  const { clock, times } = deps;
  let hasAsked = false;
  const once = async (): Promise<void> => {
    if (!hasAsked) await firstLook(deps, breaker, stopped);
    hasAsked = true;
    await look(deps, breaker, stopped);
  };
  const pauseMs = (): number => {
    const state = breaker.state();
    const dueInMs = state.kind === 'away' ? state.probeAtMs - clock.monotonicMs() : 0;
    return dueInMs > 0 ? Math.min(dueInMs, times.lookMs) : times.lookMs;
  };
  const failed = (err: unknown, failures: number): void =>
    deps.report('store not asked', { err, times: failures });
  await every(pauseMs, once, { clock, signal: stopped, failed });
}

/** An outage that began while nothing ran here is to be seen before a recording meets it. */
async function firstLook(deps: WatchDeps, breaker: SiteBreaker, stopped: AbortSignal): Promise<void> {
  const finding = await ask(deps, breaker, false, stopped);
  if (finding?.kind !== 'away' || breaker.state().kind !== 'serving') return;
  const { code, message } = finding;
  const failure = { recording: '', code, message, evidence: 'away' as const };
  const { state } = afterFailure(breaker.state(), failure, breaker.moment(), deps.times);
  breaker.enter(state, new WavspoolError(code, message));
}

async function look(deps: WatchDeps, breaker: SiteBreaker, stopped: AbortSignal): Promise<void> {
  try {
    await breaker.sync();
  } catch (err) {
    deps.report('outage not read', { err });
  }
  if (stopped.aborted) return;
  if (deps.worker().active() === 0)
    breaker.enter(afterIdleLook(breaker.state(), breaker.moment(), deps.times));
  const before = breaker.state();
  if (before.kind !== 'away' || deps.clock.monotonicMs() < before.probeAtMs) return;
  if (!(await mayProbe(deps))) return;
  const finding = await ask(deps, breaker, before.outage.bySuspects, stopped);
  // a recording, or another process, may have told more meanwhile
  if (finding === undefined || breaker.state() !== before) return;
  const err = finding.kind === 'serves' ? undefined : new WavspoolError(finding.code, finding.message);
  breaker.enter(afterProbe(before, finding, breaker.moment(), deps.times), err);
}

async function mayProbe({ shared, who, times, report }: WatchDeps): Promise<boolean> {
  try {
    return await shared.mayProbe(who, times.leaseMs);
  } catch (err) {
    report('probe not agreed', { err });
    return true; // without Redis each looks for itself
  }
}

/** Asks for as long as the lease lasts; undefined when stopped. */
async function ask(
  { clock, times, ask: question }: WatchDeps,
  breaker: SiteBreaker,
  whole: boolean,
  stopped: AbortSignal,
): Promise<Finding | undefined> {
  const timeUp = new AbortController();
  const asked = new AbortController();
  const late = clock.sleep(times.leaseMs, AbortSignal.any([asked.signal, stopped]));
  void late.then(() => timeUp.abort()); // a sleep never rejects
  try {
    const finding = await question(whole, AbortSignal.any([stopped, timeUp.signal]));
    if (finding.kind !== 'away') breaker.reached();
    return stopped.aborted ? undefined : finding;
  } finally {
    asked.abort();
  }
}
