import { WavspoolError, errnoOf, faultCode, messageOf, type FaultCode } from './faults.ts';

/** What a thread or a process says of what it failed with; it can be sent as it is. */
export interface ToldFault {
  readonly code: FaultCode;
  readonly message: string;
  /** Of a system error: who asked may know what it means there. */
  readonly errno?: string;
  readonly stack?: string;
}

/** Anything thrown, as it is told. */
export function tellFault(error: unknown): ToldFault {
  const code = faultCode(error);
  const [message, errno] = [messageOf(error), errnoOf(error)];
  if (code !== 'UNKNOWN' || !(error instanceof Error) || error.stack === undefined) return { code, message };
  return { code, message, stack: error.stack, ...(errno !== undefined && { errno }) };
}

/** What was told, as it is thrown where it was asked for: a system error keeps its errno. */
export function heardFault({ code, message, errno, stack }: ToldFault): Error {
  if (errno === undefined)
    return new WavspoolError(code, stack === undefined ? message : `${message}\n${stack}`);
  const error = Object.assign(new Error(message), { code: errno });
  if (stack !== undefined) error.stack = stack;
  return error;
}
