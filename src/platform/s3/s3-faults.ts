import { type FaultCode, WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';

/** A store's refusal or silence, as a fault. `status` and `s3Code` are what the answer said, if there was one. */
export class S3Fault extends WavspoolError {
  readonly status: number | undefined;
  readonly s3Code: string | undefined;

  constructor(code: FaultCode, message: string, answer: Pick<Answer, 'status' | 's3Code'>, cause: Error) {
    super(code, message, { cause });
    this.status = answer.status;
    this.s3Code = answer.s3Code;
  }
}

/** What an SDK error says, whatever its class. */
interface Answer {
  readonly name: string;
  /** The S3 error code, where the answer had one. */
  readonly s3Code: string | undefined;
  /** A code of Node's: `ECONNRESET`, `CERT_HAS_EXPIRED`, … */
  readonly nodeCode: string | undefined;
  readonly syscall: string | undefined;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly message: string;
  /** The answer is not S3's: a page of a proxy, a login page. */
  readonly foreign: boolean;
}

// Service-wide ones first (P7), then those about one object.
const BY_NAME: Readonly<Record<string, FaultCode>> = {
  SlowDown: 'STORE_THROTTLED',
  TooManyRequests: 'STORE_THROTTLED',
  TooManyRequestsException: 'STORE_THROTTLED',
  Throttling: 'STORE_THROTTLED',
  ThrottlingException: 'STORE_THROTTLED',
  RequestLimitExceeded: 'STORE_THROTTLED',
  BandwidthLimitExceeded: 'STORE_THROTTLED',
  ServiceUnavailable: 'STORE_FAILING',
  AccessDenied: 'STORE_CREDENTIALS',
  AccountProblem: 'STORE_CREDENTIALS',
  AllAccessDisabled: 'STORE_CREDENTIALS',
  CredentialsProviderError: 'STORE_CREDENTIALS',
  ExpiredToken: 'STORE_CREDENTIALS',
  InvalidAccessKeyId: 'STORE_CREDENTIALS',
  InvalidToken: 'STORE_CREDENTIALS',
  NotSignedUp: 'STORE_CREDENTIALS',
  RequestExpired: 'STORE_CREDENTIALS',
  RequestTimeTooSkewed: 'STORE_CREDENTIALS',
  SignatureDoesNotMatch: 'STORE_CREDENTIALS',
  TokenProviderError: 'STORE_CREDENTIALS',
  TokenRefreshRequired: 'STORE_CREDENTIALS',
  UserSuspended: 'STORE_CREDENTIALS',
  AuthorizationHeaderMalformed: 'STORE_BUCKET', // what AWS says to a wrong region
  IllegalLocationConstraintException: 'STORE_BUCKET',
  InvalidBucketName: 'STORE_BUCKET',
  NoSuchBucket: 'STORE_BUCKET',
  PermanentRedirect: 'STORE_BUCKET',
  TemporaryRedirect: 'STORE_BUCKET',
  QuotaExceeded: 'STORE_FULL',
  InsufficientCapacity: 'STORE_FULL',
  XMinioStorageFull: 'STORE_FULL',
  MethodNotAllowed: 'STORE_NOT_S3',
  MissingContentLength: 'STORE_NOT_S3',
  NotImplemented: 'STORE_NOT_S3',
  HTTPParserError: 'STORE_NOT_S3', // undici's: the answer is not HTTP

  InternalError: 'STORE_ERROR', // also the error inside a 200, to which the SDK gives the status 503
  ConditionalRequestConflict: 'STORE_ERROR',
  InvalidPart: 'STORE_ERROR',
  NoSuchUpload: 'STORE_ERROR',
  OperationAborted: 'STORE_ERROR',
  RequestTimeout: 'REQUEST_TIMEOUT', // a 400
  PreconditionFailed: 'KEY_TAKEN',
  NoSuchKey: 'OBJECT_MISSING',
  BadDigest: 'HASH_REFUSED',
  XAmzContentChecksumMismatch: 'HASH_REFUSED',
  XAmzContentSHA256Mismatch: 'HASH_REFUSED',
  EntityTooLarge: 'OBJECT_REJECTED',
  InvalidArgument: 'OBJECT_REJECTED',
  InvalidObjectName: 'OBJECT_REJECTED', // what Ceph says to a key that is too long
  KeyTooLongError: 'OBJECT_REJECTED',
};

const BY_NODE_CODE: Readonly<Record<string, FaultCode>> = {
  ECONNREFUSED: 'STORE_UNREACHABLE',
  ENOTFOUND: 'STORE_UNREACHABLE',
  EAI_AGAIN: 'STORE_UNREACHABLE',
  EHOSTUNREACH: 'STORE_UNREACHABLE',
  EHOSTDOWN: 'STORE_UNREACHABLE',
  ENETUNREACH: 'STORE_UNREACHABLE',
  ENETDOWN: 'STORE_UNREACHABLE',
  EADDRNOTAVAIL: 'STORE_UNREACHABLE',
  EPROTO: 'STORE_UNREACHABLE', // TLS spoken to a port without it
  ECONNRESET: 'CONNECTION_LOST',
  ECONNABORTED: 'CONNECTION_LOST',
  EPIPE: 'CONNECTION_LOST',
  ERR_STREAM_PREMATURE_CLOSE: 'CONNECTION_LOST',
  // undici's own
  UND_ERR_CONNECT_TIMEOUT: 'STORE_UNREACHABLE',
  UND_ERR_SOCKET: 'CONNECTION_LOST',
  UND_ERR_HEADERS_TIMEOUT: 'REQUEST_TIMEOUT',
  UND_ERR_BODY_TIMEOUT: 'REQUEST_TIMEOUT',
  UND_ERR_HEADERS_OVERFLOW: 'STORE_NOT_S3',
};

const BY_STATUS: Readonly<Record<number, FaultCode>> = {
  301: 'STORE_BUCKET',
  302: 'STORE_NOT_S3', // to a login page
  303: 'STORE_NOT_S3',
  307: 'STORE_BUCKET',
  308: 'STORE_BUCKET',
  401: 'STORE_CREDENTIALS',
  403: 'STORE_CREDENTIALS',
  404: 'STORE_BUCKET',
  405: 'STORE_NOT_S3',
  407: 'STORE_NOT_S3',
  408: 'REQUEST_TIMEOUT',
  409: 'STORE_ERROR',
  411: 'STORE_NOT_S3',
  412: 'KEY_TAKEN',
  429: 'STORE_THROTTLED',
  501: 'STORE_NOT_S3',
  503: 'STORE_FAILING',
  507: 'STORE_FULL',
};

/** The fault that an error of the S3 client is; `UNKNOWN` for what is no store's doing, such as a bug of ours. */
export function classify(error: unknown): FaultCode {
  return codeOf(answerOf(error));
}

function codeOf(answer: Answer): FaultCode {
  const { name, nodeCode, status } = answer;
  const known = BY_NAME[answer.s3Code ?? name];
  if (known !== undefined) return known;
  if (name.startsWith('KMS.')) return 'STORE_CREDENTIALS';
  if (status !== undefined) return codeOfStatus(status, answer.foreign);
  if (name === 'TimeoutError' || nodeCode === 'ETIMEDOUT') {
    const fault = nodeCode === undefined ? undefined : BY_NODE_CODE[nodeCode];
    return fault ?? (isConnectTimeout(answer) ? 'STORE_UNREACHABLE' : 'REQUEST_TIMEOUT');
  }
  return nodeCode === undefined ? 'UNKNOWN' : codeOfNode(nodeCode);
}

function codeOfStatus(status: number, foreign: boolean): FaultCode {
  // A proxy's 502 or 503 page says as much as the store's own; below 500 its page says that it is not the store.
  if (foreign && status < 500 && status !== 408 && status !== 413 && status !== 429) return 'STORE_NOT_S3';
  const known = BY_STATUS[status];
  if (known !== undefined) return known;
  if (status >= 500) return 'STORE_ERROR';
  return status >= 400 ? 'OBJECT_REJECTED' : 'STORE_NOT_S3';
}

function codeOfNode(code: string): FaultCode {
  if (/^(?:HPE|Z)_/.test(code)) return 'STORE_NOT_S3'; // the answer is not HTTP, or not packed as it says
  if (/^ERR_(?:TLS|SSL)_|CERT|^UNABLE_TO_/.test(code)) return 'STORE_UNREACHABLE';
  return BY_NODE_CODE[code] ?? 'UNKNOWN';
}

function isConnectTimeout(answer: Answer): boolean {
  // the SDK's own connection timeout has no code, the kernel's has one
  return answer.syscall === 'connect' || answer.message.includes('did not establish a connection');
}

/**
 * The fault for an SDK error, its message saying what was attempted and what was answered. The cause is a copy with
 * nothing but name, message and stack: the SDK's own error carries the answer and with it the signed request (P9).
 */
export function s3Fault(attempt: string, error: unknown): S3Fault {
  const answer = answerOf(error);
  const said = [answer.status, answer.s3Code ?? answer.nodeCode ?? nameWorthSaying(answer)]
    .filter(Boolean)
    .join(' ');
  const request = answer.requestId === undefined ? '' : ` (request ${answer.requestId})`;
  const message = [said + request, answer.message].filter(Boolean).join(': ');
  return new S3Fault(codeOf(answer), `${attempt}: ${message}`, answer, bareError(error));
}

/** A copy of an error without the fields that libraries hang on theirs. */
export function bareError(error: unknown): Error {
  const bare = new Error(messageOf(error));
  if (!(error instanceof Error)) return bare;
  bare.name = error.name;
  if (error.stack !== undefined) bare.stack = error.stack;
  return bare;
}

function nameWorthSaying({ name }: Answer): string | undefined {
  return ['Error', 'Unknown', 'UnknownError'].includes(name) ? undefined : name;
}

function answerOf(error: unknown): Answer {
  const fields = fieldsOf(error);
  const metadata = fieldsOf(fields['$metadata']);
  const status = numberOf(metadata['httpStatusCode']);
  const name = error instanceof Error ? error.name : 'Unknown';
  const parseError = status !== undefined && messageOf(error).includes('XML parse error');
  return {
    name,
    s3Code: textOf(fields['Code']),
    nodeCode: errnoOf(error),
    syscall: textOf(fields['syscall']),
    status,
    requestId: textOf(metadata['requestId']),
    message: parseError ? 'the answer is not XML of S3’s' : firstLine(messageOf(error)),
    // the SDK takes a well-formed page for an error document and its <head> and <body> for fields of it
    foreign: parseError || 'body' in fields || 'head' in fields,
  };
}

function firstLine(message: string): string {
  const line = (message.split('\n')[0] ?? '').slice(0, 300);
  return line === 'UnknownError' ? '' : line; // what the SDK says when the answer has no message
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
