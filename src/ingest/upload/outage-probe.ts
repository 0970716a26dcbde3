import { FAULTS, WavspoolError, faultCode, messageOf, type FaultCode } from '../../domain/faults.ts';
import { S3Fault, type ObjectStore } from '../../platform/s3/index.ts';
import { isStoreWide, isSuspicious, ofTheStore, type Evidence, type Finding } from './breaker-state.ts';

/** A store that has not answered a small request by then is away. */
const DEADLINE_MS = 10_000;

/** The fault to act on, and what it says about the store as a whole. */
export interface Judgement {
  readonly error: unknown;
  readonly evidence: Evidence;
}

/** Says of the failure of a recording of so many bytes whether it is really the store's. */
export type OutageProbe = (error: unknown, bytes: number) => Promise<Judgement>;

type Asked = Pick<ObjectStore, 'check' | 'checkBody' | 'checkWrite'>;

/** Said by the store of one object: it read the request and answered for its content. */
const ANSWERED: ReadonlySet<FaultCode> = new Set(['KEY_TAKEN', 'HASH_REFUSED', 'OBJECT_MISSING']);
/** Said by the store of itself. Whether one object alone was meant can't be asked without making it worse, or not at all. */
const PLAIN: ReadonlySet<FaultCode> = new Set([
  'STORE_UNREACHABLE',
  'STORE_THROTTLED',
  'STORE_FAILING',
  'STORE_FULL',
]);

/**
 * A lost connection, an error or a refusal of the store may be about this recording or about all of them: a policy, a lock or a
 * filter can refuse single keys, a bucket can refuse every object. So the store is asked to take another body, as large, under
 * another key (P7). Failures that come together share one question.
 */
export function outageProbe(store: Asked): OutageProbe {
  let asking: Promise<Asking> | undefined;
  return async (error, bytes) => {
    const code = faultCode(error);
    if (ANSWERED.has(code)) return { error, evidence: 'serves' };
    if (PLAIN.has(code)) return { error, evidence: 'away' };
    if (!isStoreWide(code) && !isSuspicious(code) && code !== 'OBJECT_REJECTED')
      return { error, evidence: 'none' };
    asking ??= askStore(store, bytes, false, AbortSignal.timeout(DEADLINE_MS)).finally(() => {
      asking = undefined;
    });
    return judge(error, await asking);
  };
}

/** A finding with the fault that it rests on. */
export type Asking =
  | { readonly kind: 'serves' }
  | { readonly kind: 'away' | 'unsure'; readonly fault: WavspoolError };

/** What a failure is in the light of the answer to a question that stands for all recordings. */
export function judge(error: unknown, asked: Asking): Judgement {
  const code = faultCode(error);
  if (asked.kind === 'serves') return { error: asRecordings(error), evidence: 'serves' };
  const { fault } = asked;
  const message = `${messageOf(error)}; nor does the store take another: ${messageOf(fault)}`;
  if (asked.kind === 'away')
    return { error: new WavspoolError(fault.code, message, { cause: fault }), evidence: 'away' };
  if (isStoreWide(code)) return { error, evidence: 'away' };
  if (isSuspicious(code)) return { error, evidence: 'suspicious' };
  // all that the two have in common is the bucket
  return isSameRefusal(error, fault)
    ? { error: new WavspoolError('STORE_REFUSING', message, { cause: fault }), evidence: 'away' }
    : { error, evidence: 'none' };
}

/** A fault that would be the store's, as the fault of the one object that met it. */
export function asRecordings(error: unknown): unknown {
  if (!isStoreWide(faultCode(error))) return error;
  const message = `${messageOf(error)}; other objects are taken`;
  return new WavspoolError('OBJECT_REJECTED', message, { cause: error });
}

function isSameRefusal(error: unknown, other: WavspoolError): boolean {
  if (!(error instanceof S3Fault && other instanceof S3Fault)) return false;
  return error.status === other.status && error.s3Code === other.s3Code;
}

/**
 * Asks the store as a whole: to take a body of so many bytes (128 KiB at most), or with `whole` to really write and remove a
 * small object. Where that is refused, it is asked to list: a policy may allow recordings only, and nothing of this.
 */
export async function askStore(
  store: Asked,
  bytes: number,
  whole: boolean,
  signal: AbortSignal,
): Promise<Asking> {
  try {
    await (whole ? store.checkWrite(signal) : store.checkBody(bytes, signal));
    return { kind: 'serves' };
  } catch (fault) {
    if (signal.aborted || !isRefusal(faultCode(fault))) return { kind: 'away', fault: storeFault(fault) };
    const unsure: Asking = { kind: 'unsure', fault: asFault(fault) };
    try {
      await store.check(signal);
      return unsure;
    } catch (other) {
      return isDenied(fault) && isDenied(other) ? unsure : { kind: 'away', fault: storeFault(other) };
    }
  }
}

/** What {@link askStore} found, for the breaker. */
export function findingOf(asked: Asking): Finding {
  if (asked.kind === 'serves') return asked;
  const { code, message } = asked.fault;
  return { kind: asked.kind, code: ofTheStore(code), message };
}

/** Whether the store said no, rather than that it cannot. */
function isRefusal(code: FaultCode): boolean {
  return !isSuspicious(code) && !PLAIN.has(code);
}

/** A right that is not granted, rather than a key that is not known. */
function isDenied(fault: unknown): boolean {
  if (faultCode(fault) !== 'STORE_CREDENTIALS' || !(fault instanceof S3Fault)) return false;
  return (
    fault.s3Code === undefined || fault.s3Code === 'AccessDenied' || fault.s3Code === 'AllAccessDisabled'
  );
}

function asFault(fault: unknown): WavspoolError {
  return fault instanceof WavspoolError
    ? fault
    : new WavspoolError('UNKNOWN', messageOf(fault), { cause: fault });
}

/** What would be one recording's fault is the store's when a request that stands for all of them meets it. */
function storeFault(fault: unknown): WavspoolError {
  const code = faultCode(fault);
  if (FAULTS[code].retry === 'when the store is back') return asFault(fault);
  const wide = code === 'UNKNOWN' ? 'STORE_UNREACHABLE' : ofTheStore(code); // ours: the time is over
  return new WavspoolError(wide, messageOf(fault), { cause: fault });
}
