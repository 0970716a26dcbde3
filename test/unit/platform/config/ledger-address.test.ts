import { expect, test } from 'vitest';
import { ledgerName, networkLedger, postgresAddress } from '../../../../src/platform/config/index.ts';
import { isLedgerAddress, isStateFile } from '../../../../src/platform/config/ledger-address.ts';
import { Secret } from '../../../../src/platform/config/secret.ts';

test('several hosts, a password with odd letters, TLS', () => {
  expect(
    postgresAddress(
      'postgres://u:p%40s%2Fs@pg1,pg2:5433,[fd00::1]:6000/led?sslmode=verify-full&sslrootcert=/ca.pem',
    ),
  ).toEqual({
    hosts: [
      { host: 'pg1', port: 5432 },
      { host: 'pg2', port: 5433 },
      { host: 'fd00::1', port: 6000 },
    ],
    user: 'u',
    password: 'p@s/s',
    database: 'led',
    tls: { isVerified: true, ca: '/ca.pem', cert: undefined, key: undefined },
  });
  expect(postgresAddress('postgresql://u@h/d')).toMatchObject({ password: undefined, tls: undefined });
});

test.each([
  'postgres://h/d',
  'postgres://u@h',
  'postgres://u@h:0/d',
  'postgres://u@h:70000/d',
  'postgres://u@h,/d',
  'postgres://u:p@x@h/d',
  'postgres://u:%zz@h/d',
  'postgres://u@h/d?sslmode=prefer',
  'postgres://u@h/d?sslrootcert=/ca.pem',
  'postgres://u@h/d?target_session_attrs=any',
  'mysql://u@h/d',
  'sqlite:',
  '/var/lib/state.db',
])('%s is no address of a ledger', (text) => {
  expect(isLedgerAddress(text)).toBe(false);
});

test('a file has to be the one that paths.state names', () => {
  const paths = { data: '/d', incoming: '/i', extracted: '/e', state: '/d/state.db', log: '/l' };
  expect(isStateFile(undefined, paths)).toBe(true);
  expect(isStateFile('sqlite:<data>/state.db', paths)).toBe(true);
  expect(isStateFile('sqlite:/d/state.db', paths)).toBe(true);
  expect(isStateFile('sqlite:/other.db', paths)).toBe(false);
  expect(isStateFile('postgres://u@h/d', paths)).toBe(true);
});

test('P9: what people read of a ledger has no password', () => {
  const paths = { data: '/d', incoming: '/i', extracted: '/e', state: '/d/state.db', log: '/l' };
  const settings = { paths, state: { url: new Secret('postgres://u:secret@h1,h2:6000/d') } };
  expect(networkLedger(settings)?.password).toBe('secret');
  expect(ledgerName(settings)).toBe('postgres://u@h1:5432,h2:6000/d');
  expect(ledgerName({ paths, state: {} })).toBe('/d/state.db');
});
