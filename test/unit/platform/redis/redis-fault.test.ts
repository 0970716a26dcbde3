import { lookup } from 'node:dns/promises';
import { createConnection } from 'node:net';
import { expect, test } from 'vitest';
import { WavspoolError } from '../../../../src/domain/faults.ts';
import { isConnectionFault, redisFault } from '../../../../src/platform/redis/redis-fault.ts';

function systemError(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}

/** As Node makes it. */
function connecting(to: { path: string } | { host: string; port: number }): Promise<Error> {
  return new Promise((resolve) => createConnection(to).once('error', resolve));
}

test.each([
  systemError('getaddrinfo ENOTFOUND redis', 'ENOTFOUND'),
  systemError('getaddrinfo EAI_AGAIN redis', 'EAI_AGAIN'),
  systemError('getaddrinfo EAI_FAIL redis', 'EAI_FAIL'),
  systemError('connect EHOSTUNREACH 10.0.0.9:6379', 'EHOSTUNREACH'),
  systemError('connect ENETDOWN 10.0.0.9:6379', 'ENETDOWN'),
  systemError('read ECONNRESET', 'ECONNRESET'),
  systemError('write EPIPE', 'EPIPE'),
  systemError('self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT'),
  systemError("Hostname/IP does not match certificate's altnames", 'ERR_TLS_CERT_ALTNAME_INVALID'),
  new AggregateError([systemError('connect ECONNREFUSED ::1:6379', 'ECONNREFUSED')], ''),
  new Error('Connection is closed.'),
  new Error("Socket timeout. Expecting data, but didn't receive any in 30000ms."),
  new Error("Stream isn't writeable and enableOfflineQueue options is false"),
  new Error('LOADING Redis is loading the dataset in memory'),
])('%s is an outage of Redis', (error) => {
  expect(isConnectionFault(error)).toBe(true);
  expect(redisFault(error)).toMatchObject({ code: 'REDIS_UNREACHABLE', cause: error });
});

test.each([
  new Error('NOREPLICAS Not enough good replicas to write.'),
  new Error('OOM command not allowed when used memory > maxmemory'),
  Object.assign(new Error('ERR unknown command'), { name: 'ReplyError' }),
])('%s is a refusal, which another remedy helps', (error) => {
  expect(redisFault(error)).toMatchObject({ code: 'REDIS_REFUSES', cause: error });
  expect(redisFault(redisFault(error))).toMatchObject({ code: 'REDIS_REFUSES' });
});

test.each([
  new Error('Missing lock for job 7. moveToFinished'),
  new Error('could not renew lock for job 7'),
  new TypeError("Cannot read properties of undefined (reading 'id')"),
])('%s is none', (error) => {
  expect(isConnectionFault(error)).toBe(false);
  expect(redisFault(error)).toBeUndefined();
});

test('what Node itself says of a socket and of a name that are not there is an outage', async () => {
  const refused = await connecting({ host: '127.0.0.1', port: 1 });
  const noSocket = await connecting({ path: '/nonexistent/redis.sock' });
  const noName: unknown = await lookup('redis.invalid').catch((error: unknown) => error);
  for (const error of [refused, noSocket, noName]) expect(redisFault(error)).toBeDefined();
});

test('a file that is not there is no outage of Redis, though a client says the same of its socket', () => {
  const missing = systemError("ENOENT: no such file or directory, open '/landing/a.tar'", 'ENOENT');
  expect(redisFault(missing)).toBeUndefined();
  expect(redisFault(new WavspoolError('PATH_UNSAFE', '/data/redis'))).toBeUndefined();
});
