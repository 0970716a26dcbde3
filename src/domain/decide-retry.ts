import { backOffMs } from './back-off.ts';
import { FAULTS, type Cause, type FaultCode } from './faults.ts';

export interface RetryLimits {
  readonly maxRetries: number;
  /** ms */
  readonly initial: number;
  /** ms */
  readonly max: number;
}

export type RetryDecision =
  | { readonly kind: 'retry'; readonly cause: Cause; readonly delayMs: number }
  | { readonly kind: 'give up'; readonly cause: Cause }
  | { readonly kind: 'pause the store'; readonly cause: Cause };

/**
 * What follows when a recording or a tar failed with `code` after `retryCount` retries. `random` is in [0, 1): the delay
 * is exponential with full jitter, as "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015) recommends it.
 */
export function decideRetry(
  code: FaultCode,
  retryCount: number,
  limits: RetryLimits,
  random: number,
): RetryDecision {
  const { cause, retry } = FAULTS[code];
  if (retry === 'when the store is back') return { kind: 'pause the store', cause }; // P7: an outage costs no retry
  if (retry === 'never' || retryCount >= limits.maxRetries) return { kind: 'give up', cause };
  const ceiling = backOffMs(retryCount + 1, limits.initial, limits.max);
  return { kind: 'retry', cause, delayMs: Math.round(random * ceiling) };
}
