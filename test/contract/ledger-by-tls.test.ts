import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { messageOf } from '../../src/domain/faults.ts';
import { postgresAddress } from '../../src/platform/config/index.ts';
import { systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import { connectDatabase } from '../../src/platform/state/postgres/database.ts';
import { statement } from '../../src/platform/state/postgres/statement.ts';
import { makeCertificate } from '../support/certificate.ts';
import { startPostgres, type PostgresServers } from '../support/postgres.ts';

const directory = mkdtempSync(join(tmpdir(), 'wavspool-tls-'));
const server = makeCertificate(directory, 'server');
const client = makeCertificate(directory, 'client');
let servers: PostgresServers;

beforeAll(async () => {
  chmodSync(directory, 0o755);
  if (process.getuid?.() === 0) chownSync(server.key, Number(execFileSync('id', ['-u', 'postgres'])), -1);
  const { cert, key } = server;
  const files = { ssl_cert_file: cert, ssl_key_file: key, ssl_ca_file: client.cert };
  const settings = Object.entries(files).map(([name, file]) => `${name} = '${file}'`);
  servers = await startPostgres({ settings: ['ssl = on', ...settings] });
});
afterAll(async () => {
  await servers[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

/** What the server says of the session: whether it is encrypted, and by whose certificate we came; or why there is none. */
async function sessionBy(options: string): Promise<object | string> {
  const address = postgresAddress(`${servers.url}${options}`);
  if (address === undefined) throw new Error(`${options} is no part of an address`);
  const deps = { address, name: 'test', clock: systemClock, random: systemRandom, patienceMs: 2000 };
  const db = connectDatabase({ ...deps, check: () => Promise.resolve() });
  try {
    const ssl = statement('SELECT ssl, client_dn AS "by" FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    return (await db.query<{ ssl: boolean; by: string | null }>(ssl, [])).rows[0] ?? 'it is not told';
  } catch (error) {
    return messageOf(error);
  } finally {
    await db.close();
  }
}

test('the session is encrypted where the address says so, and the server proves who it is', async () => {
  const verified = `?sslmode=verify-full&sslrootcert=${server.cert}`;
  expect(await sessionBy('')).toEqual({ ssl: false, by: null });
  expect(await sessionBy('?sslmode=require')).toEqual({ ssl: true, by: null });
  expect(await sessionBy(verified)).toEqual({ ssl: true, by: null });
  expect(await sessionBy(`${verified}&sslcert=${client.cert}&sslkey=${client.key}`)).toEqual({
    ssl: true,
    by: '/CN=test',
  });
});

test('a server that cannot prove who it is is not asked, and the message says what to correct', async () => {
  expect(await sessionBy('?sslmode=verify-full')).toContain('sslrootcert in state.url has to name');
  const stranger = `?sslmode=verify-full&sslrootcert=${client.cert}`;
  expect(await sessionBy(stranger)).toContain('sslrootcert in state.url has to name');
  const strangersKey = `?sslmode=require&sslcert=${client.cert}&sslkey=${server.key}`;
  expect(await sessionBy(strangersKey)).toContain('sslkey in state.url is not the key of sslcert');
});
