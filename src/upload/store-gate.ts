import type { Report } from '../events.ts';
import { FAULTS, faultCode, messageOf } from '../faults.ts';
import type { RunningWorker, Shared } from '../queue/index.ts';
import type { Clock, Dice } from '../runtime/index.ts';
import {
  CLOSED,
  OPEN,
  afterFailure,
  afterSuccess,
  probeDelayMs,
  stillAway,
  type BreakerState,
} from './breaker.ts';

/** P7's effects: holds the worker while the store is away, and lets one job through when it answers again. */
export interface StoreGate {
  succeeded(): void;
  /**
   * Whose failure it was. `store`: the job goes back and nobody's retry is spent; `probe`: the same, but another recording
   * is to be the next probe; `recording`: its own.
   */
  failed(error: unknown, recording: string): 'recording' | 'store' | 'probe';
  stop(): void;
}

export interface GateDeps {
  readonly worker: () => RunningWorker;
  readonly concurrency: number;
  readonly shared: Shared;
  /** What keeps the store from serving, if anything. */
  readonly faultOf: (signal: AbortSignal) => Promise<unknown>;
  /** Whether no recording waits to be uploaded. */
  readonly isIdle: () => Promise<boolean>;
  readonly clock: Clock;
  readonly dice: Dice;
  readonly report: Report;
  readonly who: string;
}

/** So long a process is the only one of the site that tries. Short: one that died with it must not keep the others waiting. */
const PROBE_LEASE_MS = 10_000;
const LOOK_MS = 1000;

/** The gate of this process; the site's other upload processes learn of an outage through Redis. */
export function storeGate(deps: GateDeps): StoreGate {
  const { clock, shared, report } = deps;
  const stopped = new AbortController();
  let state: BreakerState = CLOSED;
  let since = 0;
  /** Ends the wait for the next probe; undefined while nobody waits. */
  let waiting: AbortController | undefined;
  // at first it is not known: a process that was killed during an outage has left it in Redis
  let isSiteTold = false;

  const tellSite = async (): Promise<void> => {
    if (isSiteTold) return;
    isSiteTold = true;
    try {
      await shared.clearOutage();
    } catch (err) {
      isSiteTold = false; // the next success tries again
      report('heartbeat failed', { err });
    }
  };

  const close = (): void => {
    const wasOpen = state.kind === 'open';
    state = afterSuccess();
    waiting?.abort(); // an upload that was under way got through, or another process found the store back
    waiting = undefined;
    tellSite().catch((err: unknown) => report('unexpected fault', { err }));
    if (!wasOpen) return;
    report('store back', { awayMs: Math.round(clock.now() - since) });
    deps.worker().release(deps.concurrency);
  };

  /** Waits until it is time, becomes the prober or waits for another process's success, then lets jobs through again. */
  const waitAndProbe = async (delayMs: number): Promise<void> => {
    const wait = new AbortController();
    waiting = wait;
    const signal = AbortSignal.any([stopped.signal, wait.signal]);
    const probeAtMs = clock.monotonicMs() + delayMs;
    await deps.worker().hold();
    for (;;) {
      const leftMs = probeAtMs - clock.monotonicMs();
      await clock.sleep(leftMs > 0 ? Math.min(leftMs, LOOK_MS) : LOOK_MS, signal);
      if (signal.aborted) return;
      try {
        // first: a probe by one that does not know the store is back could call one recording's fault an outage of the site
        const isBack = (await shared.outage()) === undefined;
        if (signal.aborted) return;
        if (isBack) return close();
        if (clock.monotonicMs() >= probeAtMs && (await shared.mayProbe(deps.who, PROBE_LEASE_MS))) break;
      } catch (err) {
        report('heartbeat failed', { err });
      }
    }
    if (signal.aborted) return;
    try {
      const fault = await deps.faultOf(AbortSignal.any([signal, AbortSignal.timeout(PROBE_LEASE_MS)]));
      if (signal.aborted) return;
      if (fault !== undefined) {
        state = stillAway(state);
        return keepAway(fault);
      }
      // without a recording to try, the probe's answer is all there is to go by
      if (await deps.isIdle()) return close();
    } catch (err) {
      report('heartbeat failed', { err });
    }
    if (signal.aborted) return;
    waiting = undefined;
    deps.worker().release(1);
  };

  /** The store is away, or still is: everybody is told, and the next probe is due after a growing delay. */
  const keepAway = (error: unknown): void => {
    const code = faultCode(error);
    const delayMs = probeDelayMs(state.probes, deps.dice());
    const { cause } = FAULTS[code];
    if (state.probes === 1) report('store away', { cause, code, err: error, probeInMs: delayMs });
    const outage = { code, cause, message: messageOf(error), since, probeAt: clock.now() + delayMs };
    isSiteTold = false;
    shared.setOutage(outage).catch((err: unknown) => report('heartbeat failed', { err }));
    waitAndProbe(delayMs).catch((err: unknown) => report('unexpected fault', { err }));
  };

  /** Goes by what the site's other processes have found, so that not each of them meets the outage with all its uploads. */
  const follow = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await clock.sleep(LOOK_MS, stopped.signal);
      if (stopped.signal.aborted || waiting !== undefined) continue;
      try {
        const outage = await shared.outage();
        if (waiting !== undefined) continue;
        if (state.kind === 'open' && outage === undefined) close();
        if (state.kind === 'open' || outage === undefined) continue;
        state = OPEN;
        since = outage.since;
        waitAndProbe(outage.probeAt - clock.now()).catch((err: unknown) =>
          report('unexpected fault', { err }),
        );
      } catch (err) {
        report('heartbeat failed', { err });
      }
    }
  };
  follow().catch((err: unknown) => report('unexpected fault', { err }));

  return {
    succeeded: () => close(),
    failed: (error, recording) => {
      if (waiting !== undefined) return 'store'; // it was in flight when the store went away: one outage, however many it takes along
      const code = faultCode(error);
      const before = state;
      state = afterFailure(state, code, recording);
      if (state.kind !== 'open') return 'recording';
      if (before.kind === 'closed') since = clock.now();
      keepAway(error);
      return before.kind === 'open' ? 'probe' : 'store';
    },
    stop: () => stopped.abort(),
  };
}
