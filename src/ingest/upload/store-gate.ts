import { FAULTS, WavspoolError, faultCode, messageOf } from '../../domain/faults.ts';
import type { HeldWork, Shared } from '../../platform/queue/index.ts';
import { every } from '../../platform/runtime/index.ts';
import { createAccused } from './accused.ts';
import {
  GATE_TIMES,
  afterFailure,
  afterIdleLook,
  afterProbe,
  afterSuccess,
  type Finding,
  type GateTimes,
  type Whose,
} from './gate.ts';
import { asRecordings, type Opinion } from './second-opinion.ts';
import { createSiteGate, type SiteGate, type SiteGateDeps } from './site-gate.ts';

/** P7's effects: holds the worker while the store is away, tells the site, probes, and goes on. gate.ts decides. */
export interface StoreGate {
  succeeded(recording: string): void;
  /** Whose failure it was, and the fault that it is then. */
  failed(opinion: Opinion, recording: string): { readonly whose: Whose; readonly error: unknown };
  /** For the heartbeat: why nothing is uploaded here; undefined while it is. */
  held(): HeldWork | undefined;
  stop(): void;
}

export interface GateDeps extends SiteGateDeps {
  readonly shared: SiteGateDeps['shared'] & Pick<Shared, 'mayProbe'>;
  /** Asks the store as a whole whether it serves; `whole`: by an object that is really written, and removed again. */
  readonly ask: (whole: boolean, signal: AbortSignal) => Promise<Finding>;
  readonly who: string;
  readonly times?: GateTimes;
}

/** The gate of this process; the site's other upload processes learn of an outage through Redis. */
export function storeGate(deps: GateDeps): StoreGate {
  const { times = GATE_TIMES } = deps;
  const stopped = new AbortController();
  const accused = createAccused();
  const gate = createSiteGate(deps, times);
  void watch({ ...deps, times }, gate, stopped.signal);

  return {
    succeeded: (recording) => {
      gate.reached();
      accused.succeeded(recording);
      const state = gate.state();
      if (state.kind !== 'serving' || state.suspects.size > 0 || state.probes > 0) gate.enter(afterSuccess());
    },
    failed: ({ error, evidence }, recording) => {
      if (evidence === 'serves') gate.reached();
      const code = faultCode(error);
      const failure = { recording, code, message: messageOf(error), evidence };
      const { state, whose } = afterFailure(gate.state(), failure, gate.moment(), times);
      const mayBeItsOwn = whose === 'probe' && evidence === 'away' && code !== 'STORE_THROTTLED';
      if (mayBeItsOwn && accused.accuse(recording)) return { whose: 'recording', error: asRecordings(error) };
      gate.enter(state, error);
      return { whose, error };
    },
    held: () => {
      const state = gate.state();
      if (state.kind === 'serving') return undefined;
      const { code, message, since } = state.outage;
      return { what: 'upload', cause: FAULTS[code].cause, message, since };
    },
    stop: () => stopped.abort(),
  };
}

type WatchDeps = GateDeps & { readonly times: GateTimes };

/** Looks at what the site says, and at the store when it is time to, until stopped. Never rejects. */
async function watch(deps: WatchDeps, gate: SiteGate, stopped: AbortSignal): Promise<void> {
  const { clock, times } = deps;
  let hasAsked = false;
  const once = async (): Promise<void> => {
    if (!hasAsked) await firstLook(deps, gate, stopped);
    hasAsked = true;
    await look(deps, gate, stopped);
  };
  const pauseMs = (): number => {
    const state = gate.state();
    const dueInMs = state.kind === 'away' ? state.probeAtMs - clock.monotonicMs() : 0;
    return dueInMs > 0 ? Math.min(dueInMs, times.lookMs) : times.lookMs;
  };
  const failed = (err: unknown, failures: number): void =>
    deps.report('store not asked', { err, times: failures });
  await every(pauseMs, once, { clock, signal: stopped, failed });
}

/** An outage that began while nothing ran here is to be seen before a recording meets it. */
async function firstLook(deps: WatchDeps, gate: SiteGate, stopped: AbortSignal): Promise<void> {
  const finding = await ask(deps, gate, false, stopped);
  if (finding?.kind !== 'away' || gate.state().kind !== 'serving') return;
  const { code, message } = finding;
  const failure = { recording: '', code, message, evidence: 'away' as const };
  const { state } = afterFailure(gate.state(), failure, gate.moment(), deps.times);
  gate.enter(state, new WavspoolError(code, message));
}

async function look(deps: WatchDeps, gate: SiteGate, stopped: AbortSignal): Promise<void> {
  try {
    await gate.sync();
  } catch (err) {
    deps.report('outage not read', { err });
  }
  if (stopped.aborted) return;
  if (deps.worker().active() === 0) gate.enter(afterIdleLook(gate.state(), gate.moment(), deps.times));
  const before = gate.state();
  if (before.kind !== 'away' || deps.clock.monotonicMs() < before.probeAtMs) return;
  if (!(await mayProbe(deps))) return;
  const finding = await ask(deps, gate, before.outage.bySuspects, stopped);
  // a recording, or another process, may have told more meanwhile
  if (finding === undefined || gate.state() !== before) return;
  const err = finding.kind === 'serves' ? undefined : new WavspoolError(finding.code, finding.message);
  gate.enter(afterProbe(before, finding, gate.moment(), deps.times), err);
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
  gate: SiteGate,
  whole: boolean,
  stopped: AbortSignal,
): Promise<Finding | undefined> {
  const timeUp = new AbortController();
  const asked = new AbortController();
  const late = clock.sleep(times.leaseMs, AbortSignal.any([asked.signal, stopped]));
  void late.then(() => timeUp.abort()); // a sleep never rejects
  try {
    const finding = await question(whole, AbortSignal.any([stopped, timeUp.signal]));
    if (finding.kind !== 'away') gate.reached();
    return stopped.aborted ? undefined : finding;
  } finally {
    asked.abort();
  }
}
