import { FAULTS, WavspoolError, faultCode, messageOf, type FaultCode } from '../faults.ts';
import type { ObjectStore } from '../store/index.ts';
import { isSuspicious } from './breaker.ts';

/** A store that has not answered two cheap requests by then is away. */
const DEADLINE_MS = 10_000;

/** Says of the failure of a recording of so many bytes whether it is really the store's; returns the fault to act on. */
export type SecondOpinion = (error: unknown, bytes: number) => Promise<unknown>;

type Asked = Pick<ObjectStore, 'check' | 'checkBody'>;

/**
 * A lost connection or an error of the store may be about this recording or about all of them. So the store is asked
 * something else, and then to take a body as large, for a network can let small requests through and cut every body: when
 * either fails too, the store is away, and P7 holds also while a single recording waits. Failures that come together share
 * one question.
 */
export function secondOpinion(store: Asked): SecondOpinion {
  let asking: Promise<WavspoolError | undefined> | undefined;
  return async (error, bytes) => {
    if (!isSuspicious(faultCode(error))) return error;
    asking ??= faultOf(store, bytes, AbortSignal.timeout(DEADLINE_MS)).finally(() => {
      asking = undefined;
    });
    const fault = await asking;
    if (fault === undefined) return error;
    const message = `${messageOf(error)}; nor does the store answer otherwise: ${messageOf(fault)}`;
    return new WavspoolError(fault.code, message, { cause: fault });
  };
}

/**
 * What keeps the store as a whole from serving, or undefined when it answers a small request and takes a body of so many bytes
 * (128 KiB at most).
 */
export async function faultOf(
  store: Asked,
  bytes: number,
  signal: AbortSignal,
): Promise<WavspoolError | undefined> {
  try {
    await store.check(signal);
  } catch (fault) {
    return ofTheStore(fault);
  }
  try {
    await store.checkBody(bytes, signal);
  } catch (fault) {
    if (signal.aborted || isStoreWide(faultCode(fault))) return ofTheStore(fault);
  }
  return undefined;
}

/** What would be one recording's fault is the store's when a request that stands for all of them meets it. */
function ofTheStore(fault: unknown): WavspoolError {
  const found = faultCode(fault);
  if (FAULTS[found].retry === 'when the store is back') {
    return new WavspoolError(found, messageOf(fault), { cause: fault });
  }
  const code = found === 'STORE_ERROR' ? 'STORE_FAILING' : 'STORE_UNREACHABLE';
  return new WavspoolError(code, messageOf(fault), { cause: fault });
}

/** Whether it says that bodies do not get through. A refusal was answered to a whole body, be it for the probe's key alone. */
function isStoreWide(code: FaultCode): boolean {
  if (code === 'STORE_CREDENTIALS') return false; // a policy may allow recordings only
  return isSuspicious(code) || FAULTS[code].retry === 'when the store is back';
}
