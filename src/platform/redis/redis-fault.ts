import { WavspoolError } from '../../domain/faults.ts';

/** Those that come as the text of another error, too. */
const REFUSALS =
  /^(?:MISCONF|OOM|READONLY|LOADING|BUSY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|NOAUTH|NOPERM|WRONGPASS|UNBLOCKED)\b/;

/**
 * Whether Redis is there and does not do what it is asked: its disk or its memory is full, it loads, it is a replica, has too few
 * replicas, is a part of a cluster that is down, knows another password. What it answers is always one; a worker asks again at
 * once, so whatever it is, without a rest both spin.
 */
export function isRefusal(error: Error): boolean {
  return error.name === 'ReplyError' || REFUSALS.test(error.message) || error.message.includes('OOM command');
}

/** What the calls of a socket end with while the host, its name, or the way to it is away. */
const SOCKET_FAULTS =
  /\b(?:ECONNREFUSED|ECONNRESET|ECONNABORTED|ENOTCONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|ENOTFOUND|EAI_[A-Z]+)\b/;
/** A unix socket that is not there, or belongs to another user. */
const UNIX_SOCKET_FAULTS = /\bconnect (?:ENOENT|EACCES|EAGAIN|ENOTDIR)\b/;
/** No certificate, or one of another host: what answers is not our Redis. */
const TLS_FAULTS = /\b(?:ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;
/** What ioredis says by itself. */
const CLIENT_FAULTS =
  /Connection is closed|Connection lost|Socket timeout\.|Stream isn't writeable|LOADING|UNBLOCKED|All sentinels are unreachable|Too many Cluster redirections|Failed to refresh slots cache/;

/**
 * Whether what a client of Redis says is that it cannot reach it; ask it of what comes from a client only. BullMQ repeats on its
 * workers what the connection's own listener has reported as `redis away`.
 */
export function isConnectionFault(error: Error): boolean {
  // a directory that others may write is no place for our socket, or there is none yet
  return error instanceof WavspoolError || isReported(error) || /^ENOENT\b/.test(error.message);
}

function isReported(error: Error): boolean {
  const text = `${error.message} ${'code' in error ? String(error.code) : ''}`;
  if ([SOCKET_FAULTS, UNIX_SOCKET_FAULTS, TLS_FAULTS, CLIENT_FAULTS].some((known) => known.test(text)))
    return true;
  return (
    error instanceof AggregateError && error.errors.some((one) => one instanceof Error && isReported(one))
  );
}

/** What a question to Redis ended with as REDIS_UNREACHABLE or REDIS_REFUSES, if it is Redis' doing; undefined for anything else. */
export function redisFault(error: unknown): WavspoolError | undefined {
  if (error instanceof WavspoolError)
    return ['REDIS_UNREACHABLE', 'REDIS_REFUSES'].includes(error.code) ? error : undefined;
  if (!(error instanceof Error)) return undefined;
  const isGivenUp =
    error.name === 'MaxRetriesPerRequestError' || error.message.startsWith('Command timed out');
  if (isRefusal(error) && !isReported(error))
    return new WavspoolError('REDIS_REFUSES', `Redis refuses what it is asked: ${error.message}`, {
      cause: error,
    });
  if (!isGivenUp && !isReported(error)) return undefined;
  return new WavspoolError('REDIS_UNREACHABLE', `Redis does not answer: ${error.message}`, { cause: error });
}
