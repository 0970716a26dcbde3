import type { Report } from '../events.ts';
import { FAULTS, faultCode, messageOf } from '../faults.ts';
import type { RunningWorker, Shared } from '../queue/index.ts';
import type { Clock, Dice } from '../runtime/index.ts';
import { CLOSED, afterFailure, afterSuccess, probeDelayMs, type BreakerState } from './breaker.ts';

/** P7's effects: holds the worker while the store is away, lets one job through to see whether it is back. */
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
  let waiting = false;

  const close = (): void => {
    const wasOpen = state.kind === 'open';
    state = afterSuccess();
    if (!wasOpen) return;
    report('store back', { awayMs: Math.round(clock.now() - since) });
    shared.clearOutage().catch((err: unknown) => report('heartbeat failed', { err }));
    deps.worker().release(deps.concurrency);
  };

  /** Waits until it is time, becomes the prober or waits for another process's success, then lets jobs through again. */
  const waitAndProbe = async (delayMs: number): Promise<void> => {
    waiting = true;
    await deps.worker().hold();
    await clock.sleep(delayMs, stopped.signal);
    while (!stopped.signal.aborted) {
      try {
        if (await shared.mayProbe(deps.who, PROBE_LEASE_MS)) break;
        if ((await shared.outage()) === undefined) return close();
      } catch (err) {
        report('heartbeat failed', { err });
      }
      await clock.sleep(LOOK_MS, stopped.signal);
    }
    waiting = false;
    if (!stopped.signal.aborted) deps.worker().release(1);
  };

  return {
    succeeded: () => close(),
    failed: (error, recording) => {
      if (waiting) return 'store'; // it was in flight when the store went away: one outage, however many it takes along
      const code = faultCode(error);
      const before = state;
      state = afterFailure(state, code, recording);
      if (state.kind !== 'open') return 'recording';
      if (before.kind === 'closed') since = clock.now();
      const delayMs = probeDelayMs(state.probes, deps.dice());
      const { cause } = FAULTS[code];
      if (before.kind === 'closed') report('store away', { cause, code, err: error, probeInMs: delayMs });
      const outage = { code, cause, message: messageOf(error), since, probeAt: clock.now() + delayMs };
      shared.setOutage(outage).catch((err: unknown) => report('heartbeat failed', { err }));
      waitAndProbe(delayMs).catch((err: unknown) => report('unexpected fault', { err }));
      return before.kind === 'open' ? 'probe' : 'store';
    },
    stop: () => stopped.abort(),
  };
}
