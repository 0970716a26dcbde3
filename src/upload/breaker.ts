import { FAULTS, type FaultCode } from '../faults.ts';

// P7 as a value: when the store as a whole cannot serve, uploading pauses, probes with growing delay and goes on by itself.

/** So many different recordings in a row that end in an error of the connection or the store mean the store itself. */
const SUSPICIOUS_IN_A_ROW = 8;
const FIRST_PROBE_MS = 1000;
const SLOWEST_PROBE_MS = 60_000;
/** Faults that speak of one object, and of the store when nothing else comes any more. */
const SUSPICIOUS: ReadonlySet<FaultCode> = new Set(['CONNECTION_LOST', 'REQUEST_TIMEOUT', 'STORE_ERROR']);

/** Whether a fault may be the recording's or the store's. */
export function isSuspicious(code: FaultCode): boolean {
  return SUSPICIOUS.has(code);
}

export interface BreakerState {
  readonly kind: 'closed' | 'open';
  /** The recordings that failed suspiciously since the last success. */
  readonly suspects: ReadonlySet<string>;
  /** How often the store was found away since it last served. */
  readonly probes: number;
}

export const CLOSED: BreakerState = { kind: 'closed', suspects: new Set(), probes: 0 };

/** Another process has found the store away. */
export const OPEN: BreakerState = { kind: 'open', suspects: new Set(), probes: 1 };

/** A recording ended in the bucket: the store serves. */
export function afterSuccess(): BreakerState {
  return CLOSED;
}

/** A recording failed. The returned state is open when the fault is the store's, not the recording's. */
export function afterFailure(state: BreakerState, code: FaultCode, recording: string): BreakerState {
  if (FAULTS[code].retry === 'when the store is back') return open(state);
  if (!isSuspicious(code)) return state;
  if (state.kind === 'open') return open(state); // the probe failed
  const suspects = new Set(state.suspects).add(recording);
  return suspects.size >= SUSPICIOUS_IN_A_ROW ? open(state) : { ...state, suspects };
}

/** A probe found the store away. */
export function stillAway(state: BreakerState): BreakerState {
  return open(state);
}

function open(state: BreakerState): BreakerState {
  return { kind: 'open', suspects: new Set(), probes: state.probes + 1 };
}

/** How long to wait before the next probe: 1 s, 2 s, 4 s … 60 s, each with up to a quarter of jitter. `random` in [0, 1). */
export function probeDelayMs(probes: number, random: number): number {
  const base = Math.min(SLOWEST_PROBE_MS, FIRST_PROBE_MS * 2 ** Math.min(Math.max(0, probes - 1), 16));
  return Math.round(base * (0.75 + random / 4));
}
