import { WavspoolError } from '../../domain/faults.ts';
import { isRefusal } from './resting.ts';

/** Whether a command did not reach Redis, or its answer did not come. */
export function isConnectionFault(error: Error): boolean {
  return /ECONNREFUSED|ECONNRESET|ENOENT|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|Connection is closed|LOADING|UNBLOCKED|All sentinels are unreachable|Too many Cluster redirections/.test(
    `${error.message} ${'code' in error ? String(error.code) : ''}`,
  );
}

/** What a question to Redis ended with as REDIS_UNREACHABLE, if it is Redis' doing; undefined for anything else. */
export function redisFault(error: unknown): WavspoolError | undefined {
  if (error instanceof WavspoolError) return error.code === 'REDIS_UNREACHABLE' ? error : undefined;
  if (!(error instanceof Error)) return undefined;
  const isGivenUp =
    error.name === 'MaxRetriesPerRequestError' || error.message.startsWith('Command timed out');
  if (!isGivenUp && !isRefusal(error) && !isConnectionFault(error)) return undefined;
  return new WavspoolError('REDIS_UNREACHABLE', `Redis does not answer: ${error.message}`, { cause: error });
}
