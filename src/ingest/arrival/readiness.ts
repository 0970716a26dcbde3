import type { Doubt, Proof } from './proof.ts';

/** What is known of one version of a tar. */
export interface Facts {
  /** How long its size and mtime have been seen unchanged, by our own monotonic clock: copies keep old mtimes. */
  readonly unchangedMs: number;
  readonly quietMs: number;
  readonly doneMarker: 'not needed' | 'present' | 'missing';
  /** The proof of this very version, undefined before there is one. */
  readonly proof: Proof | undefined;
  readonly incompleteAfterMs: number;
}

/** `forMs`: when to look again. */
export type Readiness =
  | { readonly kind: 'wait'; readonly forMs: number; readonly reason: string; readonly marker?: 'missing' }
  | { readonly kind: 'prove' }
  | { readonly kind: 'ready' }
  | { readonly kind: 'incomplete'; readonly forMs: number; readonly reason: string }
  | { readonly kind: 'doubtful'; readonly forMs: number; readonly doubt: Doubt }
  | { readonly kind: 'give up'; readonly reason: string };

/** A look is one lstat, so a tar that grows again is noticed this soon even without an event. */
export const LOOK_AGAIN_MS = 3000;

/** A tar that ends in one zero block is taken after so long without growth. */
const HALF_MARKER_MS = 5000;

/** What may be silence is waited for so many quiet periods: the calls of today are not to be an hour late for it. */
const PERIODS_OF_SILENCE = 30;

/**
 * What to do with a tar. A corrupt one is ready: extraction fails it and records why. One whose end may be zeros still to be
 * filled is waited for as long as one that ends early: half of a recording would be taken for all of it. Where it may be
 * silence as well, it is waited for some quiet periods more.
 */
export function readiness(facts: Facts): Readiness {
  const { unchangedMs, quietMs, proof } = facts;
  if (unchangedMs < quietMs) return { kind: 'wait', forMs: quietMs - unchangedMs, reason: 'still changing' };
  if (facts.doneMarker === 'missing')
    return { kind: 'wait', forMs: LOOK_AGAIN_MS, reason: 'its done marker is not there', marker: 'missing' };
  if (proof === undefined) return { kind: 'prove' };
  if (proof.kind === 'unproved') return { kind: 'ready' };
  if (proof.kind !== 'incomplete') return afterReading(proof.doubt, facts);
  // half an end marker: some writers leave no more, and were it cut there, the other half would follow soon
  if (proof.ending === 'one zero block' && unchangedMs >= HALF_MARKER_MS + quietMs) return { kind: 'ready' };
  const leftMs = facts.incompleteAfterMs - unchangedMs;
  if (leftMs <= 0) return { kind: 'give up', reason: proof.reason };
  return { kind: 'incomplete', forMs: Math.min(LOOK_AGAIN_MS, leftMs), reason: proof.reason };
}

function afterReading(doubt: Doubt | undefined, facts: Facts): Readiness {
  // the client says itself that it is done, where there is a marker
  if (doubt === undefined || facts.doneMarker === 'present') return { kind: 'ready' };
  const { incompleteAfterMs, quietMs, unchangedMs } = facts;
  const afterMs = doubt.isUsual
    ? Math.min(incompleteAfterMs, quietMs * PERIODS_OF_SILENCE)
    : incompleteAfterMs;
  if (unchangedMs >= afterMs) return { kind: 'ready' };
  return { kind: 'doubtful', forMs: Math.min(LOOK_AGAIN_MS, afterMs - unchangedMs), doubt };
}
