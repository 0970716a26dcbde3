import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';

/** Node's own codes: of a mistake in a call, or of an abort. */
const OF_NODE = /^(?:ERR_|ABORT_ERR$)/;

/**
 * What the system says of something that could not be written, as DISK_FULL or FILE_UNREADABLE; `what` says of which file or directory. What
 * is a fault of ours already, and what is no system error, stays as it is.
 */
export function writeFault(what: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (error instanceof WavspoolError || errno === undefined || OF_NODE.test(errno)) return error;
  const code = errno === 'ENOSPC' || errno === 'EDQUOT' ? 'DISK_FULL' : 'FILE_UNREADABLE';
  return new WavspoolError(code, `${what}: ${messageOf(error)}`, { cause: error });
}
