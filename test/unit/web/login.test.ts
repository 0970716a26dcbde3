import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import { fastify, type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Secret } from '../../../src/platform/config/index.ts';
import { createThrottle } from '../../../src/web/auth.ts';
import { behindProxies } from '../../../src/web/behind-proxies.ts';
import type { Context } from '../../../src/web/context.ts';
import { guard } from '../../../src/web/guard.ts';
import { login } from '../../../src/web/routes/login.ts';

const PROXY = '127.0.0.1'; // where inject() comes from
let server: FastifyInstance;
let nowMs: number;
const reported: string[] = [];

beforeEach(async () => {
  nowMs = 0;
  const context = {
    token: new Secret('right'),
    prefix: '',
    clock: { now: () => Date.UTC(2026, 10, 28) + nowMs, monotonicMs: () => nowMs },
    report: (event: string, fields: object) => reported.push(`${event} ${JSON.stringify(fields)}`),
  } as unknown as Context;
  const throttle = createThrottle();
  server = fastify(behindProxies([PROXY]));
  await server.register(cookie);
  await server.register(formbody);
  login(server, context, throttle);
  await server.register(async (inside) => {
    guard(inside, context, throttle);
    inside.get('/api/status', () => ({}));
  });
});
afterEach(() => server.close());

const ask = async (authorization: string): Promise<number> =>
  (await server.inject({ url: '/api/status', headers: { authorization } })).statusCode;

const askFrom = async (client: string, remoteAddress: string, token: string): Promise<number> =>
  (
    await server.inject({
      url: '/api/status',
      headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': client },
      remoteAddress,
    })
  ).statusCode;

const logIn = (form: Record<string, string>) =>
  server.inject({
    method: 'POST',
    url: '/login',
    payload: new URLSearchParams(form).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });

test('who guesses tokens has to wait, in the header as in the form, and is let in a minute later', async () => {
  for (let guess = 0; guess < 5; guess += 1) expect(await ask(`Bearer guess${guess}`)).toBe(401);
  expect([await ask('Bearer guess'), await ask('Bearer right')]).toEqual([429, 429]);
  expect((await logIn({ token: 'right' })).statusCode).toBe(429);
  expect(reported.join('\n')).not.toContain('right');
  nowMs = 60_000;
  expect(await ask('Bearer right')).toBe(200);
});

test('behind a proxy that is trusted each client waits for its own guesses, and what only claims to be behind one gains nothing', async () => {
  for (let guess = 0; guess < 5; guess += 1)
    expect(await askFrom('192.0.2.1', PROXY, `guess${guess}`)).toBe(401);
  expect(await askFrom('192.0.2.1', PROXY, 'right')).toBe(429);
  expect(await askFrom('192.0.2.2', PROXY, 'right')).toBe(200);
  for (let guess = 0; guess < 5; guess += 1)
    expect(await askFrom(`192.0.2.${10 + guess}`, '203.0.113.9', 'guess')).toBe(401);
  expect(await askFrom('192.0.2.99', '203.0.113.9', 'right')).toBe(429);
});

test('the cookie is for HTTPS alone where the proxy was asked so', async () => {
  const payload = new URLSearchParams({ token: 'right' }).toString();
  const cookieOf = async (proto: string, remoteAddress: string): Promise<unknown> => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-proto': proto };
    return (await server.inject({ method: 'POST', url: '/login', payload, headers, remoteAddress })).headers[
      'set-cookie'
    ];
  };
  expect(await cookieOf('https', PROXY)).toContain('Secure');
  expect(await cookieOf('http', PROXY)).not.toContain('Secure');
  expect(await cookieOf('https', '203.0.113.9')).not.toContain('Secure');
});

test('a request without a token, or with another scheme, is no guess', async () => {
  for (let request = 0; request < 9; request += 1) expect(await ask('Basic dTpw')).toBe(401);
  expect(await ask('Bearer right')).toBe(200);
});

test('a login leads back to where one was going, and a logout takes it away', async () => {
  const wanted = '/queues/queue/main.upload?status="failed"&page=2';
  const form = await server.inject({ url: '/login', query: { next: wanted } });
  expect(form.body).toContain(
    'name="next" value="/queues/queue/main.upload?status=&quot;failed&quot;&amp;page=2"',
  );
  const inside = await logIn({ token: 'right', next: wanted });
  expect([inside.statusCode, inside.headers.location]).toEqual([303, wanted]);
  expect(inside.headers['set-cookie']).toMatch(/HttpOnly; SameSite=Lax$/);
  const logOut = (headers: Record<string, string>) =>
    server.inject({ method: 'POST', url: '/logout', headers: { host: 'here', ...headers } });
  expect((await logOut({ origin: 'https://evil.example' })).statusCode).toBe(403);
  const left = await logOut({ origin: 'http://here' });
  expect([left.statusCode, left.headers.location]).toEqual([303, '/login']);
  expect(left.headers['set-cookie']).toMatch(/^wavspool_session=;.*Expires=Thu, 01 Jan 1970/);
});

test('a login leads to no other site', async () => {
  const { headers } = await logIn({ token: 'right', next: '//evil.example/' });
  expect(headers.location).toBe('/');
});
