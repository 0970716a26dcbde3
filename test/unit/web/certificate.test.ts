import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetch as fetchWith, Agent } from 'undici';
import { fastify } from 'fastify';
import { afterAll, expect, test } from 'vitest';
import { certificate } from '../../../src/web/certificate.ts';
import { makeCertificate } from '../../support/certificate.ts';

const directory = mkdtempSync(join(tmpdir(), 'wavspool-tls-'));
afterAll(() => rmSync(directory, { recursive: true }));

const one = makeCertificate(directory, 'one');
const other = makeCertificate(directory, 'other');

test('what the settings name serves HTTPS', async () => {
  const read = certificate(one);
  const server = fastify({ https: read });
  server.get('/', () => 'encrypted');
  const address = await server.listen({ port: 0, host: '127.0.0.1' });
  const dispatcher = new Agent({ connect: { ca: read.cert } });
  const answer = await fetchWith(address, { dispatcher });
  expect(`${new URL(address).protocol} ${await answer.text()}`).toBe('https: encrypted');
  await dispatcher.close();
  await server.close();
});

test('a file that is missing, is something else, or belongs to another certificate is named', () => {
  const text = join(directory, 'text.pem');
  writeFileSync(text, 'no certificate');
  expect(() => certificate({ ...one, cert: '/nowhere.pem' })).toThrow(
    'http.tls.cert: /nowhere.pem cannot be read',
  );
  expect(() => certificate({ ...one, cert: text })).toThrow(`http.tls.cert: ${text} holds no certificate`);
  expect(() => certificate({ ...one, key: text })).toThrow(`http.tls.key: ${text} holds no private key`);
  expect(() => certificate({ ...one, key: other.key })).toThrow(
    `http.tls.key: ${other.key} is not the key of ${one.cert}`,
  );
});
