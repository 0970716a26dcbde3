import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { classify, s3Fault } from '../../../../src/platform/s3/s3-faults.ts';

/** An error as the S3 client throws it for an answer with an error document. */
function answered(status: number, code: string, more: object = {}): Error {
  const fields = {
    name: code,
    Code: code,
    $metadata: { httpStatusCode: status, requestId: 'REQ1' },
    ...more,
  };
  return Object.assign(new Error('the message'), fields);
}

/** The same without a document: HEAD, an empty body. */
function bare(status: number, name = 'Unknown'): Error {
  return Object.assign(new Error('UnknownError'), { name, $metadata: { httpStatusCode: status } });
}

/** The same for a page that is no XML. */
function unparsed(status: number): Error {
  const message = '@aws-sdk XML parse error: mismatched tags <hr> and </body>.\n  Deserialization error: …';
  return Object.assign(new Error(message), { $metadata: { httpStatusCode: status } });
}

function system(code: string, more: object = {}): Error {
  return Object.assign(new Error(`${code} happened`), { code, ...more });
}

test.each([
  // the store as a whole (P7)
  [answered(503, 'SlowDown'), 'STORE_THROTTLED'],
  [answered(429, 'TooManyRequests'), 'STORE_THROTTLED'],
  [bare(429), 'STORE_THROTTLED'],
  [answered(503, 'ServiceUnavailable'), 'STORE_FAILING'],
  [bare(503), 'STORE_FAILING'],
  [unparsed(503), 'STORE_FAILING'],
  [answered(403, 'AccessDenied'), 'STORE_CREDENTIALS'],
  [answered(403, 'InvalidAccessKeyId'), 'STORE_CREDENTIALS'],
  [answered(403, 'SignatureDoesNotMatch'), 'STORE_CREDENTIALS'],
  [answered(403, 'RequestTimeTooSkewed'), 'STORE_CREDENTIALS'],
  [answered(400, 'ExpiredToken'), 'STORE_CREDENTIALS'],
  [answered(400, 'KMS.DisabledException'), 'STORE_CREDENTIALS'],
  [bare(403), 'STORE_CREDENTIALS'],
  [bare(401), 'STORE_CREDENTIALS'],
  [Object.assign(new Error('no credentials'), { name: 'CredentialsProviderError' }), 'STORE_CREDENTIALS'],
  [answered(404, 'NoSuchBucket'), 'STORE_BUCKET'],
  [answered(301, 'PermanentRedirect'), 'STORE_BUCKET'],
  [answered(400, 'AuthorizationHeaderMalformed'), 'STORE_BUCKET'],
  [bare(404, 'NotFound'), 'STORE_BUCKET'],
  [bare(301), 'STORE_BUCKET'],
  [answered(403, 'QuotaExceeded'), 'STORE_FULL'],
  [unparsed(507), 'STORE_FULL'],
  [answered(501, 'NotImplemented'), 'STORE_NOT_S3'],
  [answered(405, 'MethodNotAllowed'), 'STORE_NOT_S3'],
  [unparsed(200), 'STORE_NOT_S3'],
  [unparsed(403), 'STORE_NOT_S3'],
  [unparsed(404), 'STORE_NOT_S3'],
  [Object.assign(bare(403), { body: 'go away' }), 'STORE_NOT_S3'],
  [bare(302), 'STORE_NOT_S3'],
  [system('HPE_INVALID_CONSTANT'), 'STORE_NOT_S3'],
  [system('ECONNREFUSED'), 'STORE_UNREACHABLE'],
  [system('ENOTFOUND'), 'STORE_UNREACHABLE'],
  [system('EAI_AGAIN'), 'STORE_UNREACHABLE'],
  [system('EHOSTUNREACH'), 'STORE_UNREACHABLE'],
  [system('ENETUNREACH'), 'STORE_UNREACHABLE'],
  [system('CERT_HAS_EXPIRED'), 'STORE_UNREACHABLE'],
  [system('DEPTH_ZERO_SELF_SIGNED_CERT'), 'STORE_UNREACHABLE'],
  [system('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'STORE_UNREACHABLE'],
  [system('ERR_TLS_CERT_ALTNAME_INVALID'), 'STORE_UNREACHABLE'],
  [system('EPROTO'), 'STORE_UNREACHABLE'],
  [system('ETIMEDOUT', { name: 'TimeoutError', syscall: 'connect' }), 'STORE_UNREACHABLE'],
  [
    Object.assign(new Error('@smithy - the request socket did not establish a connection with the server'), {
      name: 'TimeoutError',
    }),
    'STORE_UNREACHABLE',
  ],
  // this one object
  [answered(500, 'InternalError'), 'STORE_ERROR'],
  [answered(503, 'InternalError'), 'STORE_ERROR'],
  [answered(409, 'ConditionalRequestConflict'), 'STORE_ERROR'],
  [answered(409, 'SomethingNew'), 'STORE_ERROR'],
  [answered(404, 'NoSuchUpload'), 'STORE_ERROR'],
  [unparsed(502), 'STORE_ERROR'],
  [bare(504), 'STORE_ERROR'],
  [bare(500), 'STORE_ERROR'],
  [system('ECONNRESET', { name: 'TimeoutError' }), 'CONNECTION_LOST'],
  [system('EPIPE', { name: 'TimeoutError' }), 'CONNECTION_LOST'],
  [answered(400, 'RequestTimeout'), 'REQUEST_TIMEOUT'],
  [bare(408), 'REQUEST_TIMEOUT'],
  [system('ETIMEDOUT', { name: 'TimeoutError' }), 'REQUEST_TIMEOUT'],
  [
    Object.assign(new Error('timed out after 5 ms of inactivity'), { name: 'TimeoutError' }),
    'REQUEST_TIMEOUT',
  ],
  [answered(400, 'BadDigest'), 'HASH_REFUSED'],
  [answered(400, 'XAmzContentSHA256Mismatch'), 'HASH_REFUSED'],
  [answered(400, 'KeyTooLongError'), 'OBJECT_REJECTED'],
  [answered(400, 'InvalidArgument'), 'OBJECT_REJECTED'],
  [answered(400, 'EntityTooLarge'), 'OBJECT_REJECTED'],
  [answered(400, 'SomethingNew'), 'OBJECT_REJECTED'],
  [unparsed(413), 'OBJECT_REJECTED'],
  [answered(404, 'NoSuchKey'), 'OBJECT_MISSING'],
  [answered(412, 'PreconditionFailed'), 'KEY_TAKEN'],
  [bare(412), 'KEY_TAKEN'],
  // no store's doing
  [new TypeError('undefined is not a function'), 'UNKNOWN'],
  [system('ENOMEM'), 'UNKNOWN'],
  ['a string', 'UNKNOWN'],
])('P7: %o is %s', (error, code) => {
  expect(classify(error)).toBe(code);
});

test('a fault says what was attempted, the status, the S3 code, the request and the message', () => {
  const fault = s3Fault('PUT a/b.wav (http://s3.example/bucket)', answered(503, 'SlowDown'));
  expect(fault.message).toBe(
    'PUT a/b.wav (http://s3.example/bucket): 503 SlowDown (request REQ1): the message',
  );
  expect(fault).toMatchObject({ code: 'STORE_THROTTLED', status: 503, s3Code: 'SlowDown' });
});

test('a fault says what there is when the answer says little', () => {
  expect(s3Fault('HEAD k', bare(403)).message).toBe('HEAD k: 403');
  expect(s3Fault('PUT k', unparsed(502)).message).toBe('PUT k: 502: the answer is not XML of S3’s');
  expect(s3Fault('PUT k', system('ECONNREFUSED')).message).toBe('PUT k: ECONNREFUSED: ECONNREFUSED happened');
});

test('P9: of the signed request that hangs on an SDK error nothing is left in the fault', () => {
  const error = answered(403, 'SignatureDoesNotMatch', {
    AWSAccessKeyId: 'AKIA-LEAK',
    StringToSign: 'LEAK',
    $response: { body: { req: { headers: { authorization: 'AWS4-HMAC-SHA256 Credential=LEAK' } } } },
  });
  expect(inspect(s3Fault('PUT k', error), { depth: Infinity, showHidden: true })).not.toContain('LEAK');
});
