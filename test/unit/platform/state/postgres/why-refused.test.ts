import { expect, test } from 'vitest';
import { ledgerAway } from '../../../../../src/platform/state/postgres/pg-faults.ts';

function refusal(message: string, code?: string): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}

// as PostgreSQL 15, pg 8.23 and OpenSSL 3 said them to a wrong address
test.each([
  [
    refusal('no pg_hba.conf entry for host "10.0.0.1", user "w", database "w", no encryption', '28000'),
    'TLS only',
  ],
  [
    refusal('no pg_hba.conf entry for host "10.0.0.1", user "w", database "w", SSL encryption', '28000'),
    'let',
  ],
  [refusal('self-signed certificate in certificate chain', 'SELF_SIGNED_CERT_IN_CHAIN'), 'sslrootcert'],
  [refusal('unable to verify the first certificate', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'sslrootcert'],
  [
    refusal("Hostname/IP does not match certificate's altnames: …", 'ERR_TLS_CERT_ALTNAME_INVALID'),
    'name the host in state.url',
  ],
  [refusal('The server does not support SSL connections'), 'ssl = on'],
  [refusal('connection requires a valid client certificate', '28000'), 'sslcert and sslkey'],
  [refusal('certificate authentication failed for user "w"', '28000'), 'sslcert and sslkey'],
  [refusal('error:05800074:x509 certificate routines::key values mismatch'), 'not the key of sslcert'],
  [refusal('password authentication failed for user "w"', '28P01'), 'or sslcert in state.url'],
  [refusal('database "w" does not exist', '3D000'), 'createdb'],
])('a refusal that no waiting ends says what ends it: %s', (why, remedy) => {
  const { message } = ledgerAway('postgres://w@h:5432/w', why);
  expect(message).toContain(`${why.message}; `);
  expect(message.slice(message.indexOf(why.message) + why.message.length)).toContain(remedy);
});

test('an outage ends by itself: nothing is to be corrected', () => {
  const { message } = ledgerAway('postgres://w@h:5432/w', refusal('connect ECONNREFUSED', 'ECONNREFUSED'));
  expect(message).toBe('the ledger postgres://w@h:5432/w cannot be used: connect ECONNREFUSED');
});
