import { FAULTS, WavspoolError, faultCode, messageOf } from '../faults.ts';
import type { ObjectStore } from '../store/index.ts';
import { isSuspicious } from './breaker.ts';

/** A store that does not answer one cheap request by then is away. */
const DEADLINE_MS = 10_000;

/** Says of a recording's failure whether it is really the store's; returns the fault to act on. */
export type SecondOpinion = (error: unknown) => Promise<unknown>;

/**
 * A lost connection or an error of the store may be about this recording or about all of them. So the store is asked
 * something else: when that fails too, the store is away, and P7 holds also while a single recording waits. Failures that come
 * together share one question.
 */
export function secondOpinion(store: Pick<ObjectStore, 'check'>): SecondOpinion {
  let asking: Promise<unknown> | undefined;
  return async (error) => {
    if (!isSuspicious(faultCode(error))) return error;
    asking ??= ask(store).finally(() => {
      asking = undefined;
    });
    const fault = await asking;
    if (fault === undefined) return error;
    if (FAULTS[faultCode(fault)].retry === 'when the store is back') return fault;
    const code = faultCode(fault) === 'STORE_ERROR' ? 'STORE_FAILING' : 'STORE_UNREACHABLE';
    const message = `${messageOf(error)}; nor does the store answer otherwise: ${messageOf(fault)}`;
    return new WavspoolError(code, message, { cause: fault });
  };
}

async function ask(store: Pick<ObjectStore, 'check'>): Promise<unknown> {
  try {
    await store.check(AbortSignal.timeout(DEADLINE_MS));
    return undefined;
  } catch (fault) {
    return fault;
  }
}
