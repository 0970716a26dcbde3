import { backOffMs } from '../../domain/back-off.ts';
import { FAULTS, type FaultCode } from '../../domain/faults.ts';

/**
 * P7 as a value: whether this process uploads, and what it does when the store as a whole cannot serve. What one process finds
 * is the site's (in Redis); each goes by that and each may probe, so that, whichever dies, those that are left converge without
 * new work:
 *
 *     serving ──a fault of the store, or eight suspects──▶ away ──a probe is refused for a reason that may be its own──▶ trying
 *        ▲                                                  │ ▲                                                          │
 *        └──────── a recording got through or was refused for its own sake; a probe did; the site says so ◀─────────────┘
 *
 * `trying` lets one recording at a time through, for a policy can forbid the probe's key and allow recordings.
 */
export type BreakerState =
  | {
      readonly kind: 'serving';
      /** The recordings that failed suspiciously since the last success. */
      readonly suspects: ReadonlySet<string>;
      /** How often the store was found away since a recording got through here: what the next delay grows from, for a while. */
      readonly probes: number;
      /** Of the monotonic clock. */
      readonly sinceMs: number;
    }
  | { readonly kind: 'away'; readonly outage: Outage; readonly probeAtMs: number }
  | { readonly kind: 'trying'; readonly outage: Outage; readonly sinceMs: number };

export interface Outage {
  readonly code: FaultCode;
  readonly message: string;
  /** ms since 1970. */
  readonly since: number;
  /** How often the store was found away, this time included. */
  readonly probes: number;
  /** True where single recordings told of it and no question to the store did: only a whole write can say that it is over. */
  readonly bySuspects: boolean;
}

export interface BreakerTimes {
  /** How often a process looks at what the others have found. */
  readonly lookMs: number;
  readonly firstProbeMs: number;
  readonly slowestProbeMs: number;
  /** So long one process is the only one that probes; it may have died. Also the longest that a probe may take. */
  readonly leaseMs: number;
  /** So long `trying` waits for a recording to try before it takes the store for serving. */
  readonly tryMs: number;
}

export const BREAKER_TIMES: BreakerTimes = {
  lookMs: 1000,
  firstProbeMs: 1000,
  slowestProbeMs: 60_000,
  leaseMs: 10_000,
  tryMs: 5000,
};

/** What a failure says about the store as a whole: that it serves, that it does not, or nothing. */
export type Evidence = 'serves' | 'away' | 'suspicious' | 'none';

/** Whose failure it was. `store`: it goes back, uncounted. `probe`: the same, but another recording is to be tried before it. */
export type Whose = 'recording' | 'store' | 'probe';

/** What a question to the store as a whole came to. `unsure`: it was refused, and perhaps only what was asked. */
export type Finding =
  | { readonly kind: 'serves' }
  | { readonly kind: 'away' | 'unsure'; readonly code: FaultCode; readonly message: string };

/** So many different recordings in a row that end in an error of the connection or the store mean the store itself. */
const SUSPICIOUS_IN_A_ROW = 8;
const SUSPICIOUS: ReadonlySet<FaultCode> = new Set(['CONNECTION_LOST', 'REQUEST_TIMEOUT', 'STORE_ERROR']);

/** Whether a fault may be the recording's or the store's. */
export function isSuspicious(code: FaultCode): boolean {
  return SUSPICIOUS.has(code);
}

/** Whether a fault is the store's, if it is not one key's alone. */
export function isStoreWide(code: FaultCode): boolean {
  return FAULTS[code].retry === 'when the store is back';
}

export const SERVING: BreakerState = { kind: 'serving', suspects: new Set(), probes: 0, sinceMs: 0 };

/** A moment: ms since 1970, of the monotonic clock, and a die in [0, 1) for the jitter. */
export interface Moment {
  readonly now: number;
  readonly nowMs: number;
  readonly random: number;
}

/** A recording failed. */
export interface RecordingFailure {
  readonly recording: string;
  readonly code: FaultCode;
  readonly message: string;
  readonly evidence: Evidence;
}

/** What follows from a recording's failure. */
export function afterFailure(
  state: BreakerState,
  failure: RecordingFailure,
  at: Moment,
  times: BreakerTimes,
): { readonly state: BreakerState; readonly whose: Whose } {
  const { evidence, code } = failure;
  if (evidence === 'none') return { state, whose: 'recording' };
  if (evidence === 'away') {
    // what was in flight when the store went away: one outage, however many it takes along
    if (state.kind === 'away') return { state, whose: 'store' };
    return { state: goAway(state, failure, false, at, times), whose: 'probe' };
  }
  if (isSuspicious(code)) return afterSuspect(state, failure, at, times);
  return { state: state.kind === 'serving' ? state : serving(state.outage.probes, at), whose: 'recording' };
}

/** It failed as all would if the store were ill, which a small question need not show. */
function afterSuspect(
  state: BreakerState,
  failure: RecordingFailure,
  at: Moment,
  times: BreakerTimes,
): { readonly state: BreakerState; readonly whose: Whose } {
  const { recording, evidence } = failure;
  if (state.kind !== 'serving') {
    if (evidence === 'serves' && !state.outage.bySuspects)
      return { state: serving(state.outage.probes, at, new Set([recording])), whose: 'recording' };
    return state.kind === 'away'
      ? { state, whose: 'store' }
      : { state: goAway(state, failure, true, at, times), whose: 'probe' };
  }
  const suspects = new Set(state.suspects).add(recording);
  if (suspects.size < SUSPICIOUS_IN_A_ROW) return { state: { ...state, suspects }, whose: 'recording' };
  return { state: goAway(state, failure, true, at, times), whose: 'probe' };
}

/** A recording ended in the bucket. */
export function afterSuccess(): BreakerState {
  return SERVING;
}

/** The store was asked, this process being the one that may. */
export function afterProbe(
  state: BreakerState,
  finding: Finding,
  at: Moment,
  times: BreakerTimes,
): BreakerState {
  if (state.kind !== 'away') return state; // a recording got through meanwhile
  if (finding.kind === 'serves') return serving(state.outage.probes, at);
  const away = goAway(state, finding, state.outage.bySuspects, at, times);
  if (finding.kind === 'away' || away.kind !== 'away') return away;
  return { kind: 'trying', outage: away.outage, sinceMs: at.nowMs };
}

/** What the site's processes have agreed on; `probeInMs` is when the next probe is due, by the one that said so. */
export function afterLook(
  state: BreakerState,
  site: { readonly outage: Outage; readonly probeInMs: number } | undefined,
  at: Moment,
  times: BreakerTimes,
): BreakerState {
  if (site === undefined) return state.kind === 'serving' ? state : serving(state.outage.probes, at);
  // a clock that was set back on another host must not put the probe off
  const probeInMs = Math.min(Math.max(0, site.probeInMs), times.slowestProbeMs);
  return { kind: 'away', outage: site.outage, probeAtMs: at.nowMs + probeInMs };
}

/** Nothing is being uploaded here. With nothing to try, and nothing against the store but a refused question, it serves. */
export function afterIdleLook(state: BreakerState, at: Moment, times: BreakerTimes): BreakerState {
  if (state.kind !== 'trying' || at.nowMs - state.sinceMs < times.tryMs) return state;
  return serving(state.outage.probes, at);
}

function serving(probes: number, { nowMs }: Moment, suspects: ReadonlySet<string> = new Set()): BreakerState {
  return { kind: 'serving', suspects, probes, sinceMs: nowMs };
}

function goAway(
  state: BreakerState,
  { code, message }: { readonly code: FaultCode; readonly message: string },
  bySuspects: boolean,
  { now, nowMs, random }: Moment,
  times: BreakerTimes,
): BreakerState {
  // a process that no recording got through in since may have been told of an outage that is long over
  const isNew = state.kind === 'serving' && nowMs - state.sinceMs >= times.slowestProbeMs;
  const before = state.kind === 'serving' ? { probes: isNew ? 0 : state.probes, since: now } : state.outage;
  const probes = before.probes + 1;
  const outage = { code: ofTheStore(code), message, since: before.since, probes, bySuspects };
  return { kind: 'away', outage, probeAtMs: nowMs + probeDelayMs(probes, random, times) };
}

/** What a fault of one recording is called when all meet it. */
export function ofTheStore(code: FaultCode): FaultCode {
  if (isStoreWide(code)) return code;
  if (code === 'STORE_ERROR') return 'STORE_FAILING';
  return isSuspicious(code) ? 'STORE_UNREACHABLE' : 'STORE_REFUSING';
}

/** How long to wait before the next probe: 1 s, 2 s, 4 s … 60 s, each with up to a quarter of jitter. `random` in [0, 1). */
export function probeDelayMs(
  probes: number,
  random: number,
  { firstProbeMs, slowestProbeMs }: BreakerTimes = BREAKER_TIMES,
): number {
  return Math.round(backOffMs(probes, firstProbeMs, slowestProbeMs) * (0.75 + random / 4));
}
