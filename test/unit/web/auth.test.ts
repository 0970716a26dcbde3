import { expect, test } from 'vitest';
import { Secret } from '../../../src/platform/config/index.ts';
import {
  createThrottle,
  identify,
  isFromOwnPage,
  landingPage,
  SESSION_SECONDS,
  sessionCookie,
} from '../../../src/web/auth.ts';

const NOW = Date.UTC(2026, 10, 20);
const TOKEN = new Secret('s3cret');
const COOKIE = sessionCookie(TOKEN, NOW);

test.each<[string, string | undefined, string | undefined, string | undefined]>([
  ['nothing', undefined, undefined, undefined],
  ['the token', 'Bearer s3cret', undefined, 'token'],
  ['the token, in lower case', 'bearer s3cret', undefined, 'token'],
  ['a wrong token', 'Bearer s3cre', undefined, undefined],
  ['an empty token', 'Bearer ', undefined, undefined],
  ['another scheme', 'Basic s3cret', undefined, undefined],
  ['a login', undefined, COOKIE, 'cookie'],
  ['a login beside a wrong token', 'Bearer wrong', COOKIE, undefined],
  ['a login whose end was moved', undefined, COOKIE.replace(/^\d/, '9'), undefined],
  ['a login of another token', undefined, sessionCookie(new Secret('other'), NOW), undefined],
  ['an empty cookie', undefined, '', undefined],
  ['a cookie that is the token', undefined, 's3cret', undefined],
])('%s opens what it should', (_, authorization, cookie, expected) => {
  const found = identify({ token: TOKEN }, { authorization, cookie }, NOW);
  expect(found).toEqual(expected === undefined ? undefined : { by: expected, may: 'act' });
});

test('the read-only token and its login may look', () => {
  const readOnlyToken = new Secret('looking');
  const tokens = { token: TOKEN, readOnlyToken };
  const who = (authorization?: string, cookie?: string): unknown =>
    identify(tokens, { authorization, cookie }, NOW);
  expect(who('Bearer looking')).toEqual({ by: 'token', may: 'look' });
  expect(who(undefined, sessionCookie(readOnlyToken, NOW))).toEqual({ by: 'cookie', may: 'look' });
  expect(who('Bearer s3cret')).toEqual({ by: 'token', may: 'act' });
  expect(who('Bearer look')).toBeUndefined();
  expect(
    identify({ token: TOKEN }, { authorization: 'Bearer looking', cookie: undefined }, NOW),
  ).toBeUndefined();
});

test('a login ends', () => {
  const at = (ms: number): unknown =>
    identify({ token: TOKEN }, { authorization: undefined, cookie: COOKIE }, NOW + ms)?.by;
  expect([at(SESSION_SECONDS * 1000 - 1), at(SESSION_SECONDS * 1000)]).toEqual(['cookie', undefined]);
  expect(COOKIE).not.toContain('s3cret');
});

test.each<[Parameters<typeof isFromOwnPage>[1], boolean]>([
  [{}, false],
  [{ host: 'a:3000' }, false],
  [{ host: 'a:3000', origin: 'http://a:3000' }, true],
  [{ host: 'A:3000', origin: 'http://a:3000' }, true],
  [{ host: 'a:3000', origin: 'http://a:3001' }, false],
  [{ host: 'a:3000', origin: 'null' }, false],
  [{ host: 'a:3000', origin: 'http://a:3000.evil.example' }, false],
  [{ host: 'a:3000', origin: 'http://a:3000', 'sec-fetch-site': 'cross-site' }, false],
  [{ host: 'behind-a-proxy', origin: 'https://a', 'sec-fetch-site': 'same-origin' }, true],
  [{ host: 'a:3000', 'sec-fetch-site': 'same-site' }, false],
])('%j is our own page: %s', (headers, expected) => {
  expect(isFromOwnPage('cookie', headers)).toBe(expected);
  const namesPage = 'origin' in headers || 'sec-fetch-site' in headers;
  expect(isFromOwnPage('token', headers)).toBe(expected || !namesPage); // a program names no page
});

test('five wrong tokens block an address for the rest of its minute, and no other', () => {
  const throttle = createThrottle();
  for (let i = 0; i < 5; i += 1) {
    expect(throttle.isBlocked('a', i)).toBe(false);
    throttle.miss('a', i);
  }
  expect(throttle.isBlocked('a', 59_999)).toBe(true);
  expect(throttle.isBlocked('b', 59_999)).toBe(false);
  expect(throttle.isBlocked('a', 60_000)).toBe(false);
});

test.each([
  ['/queues/queue/main.upload?status=failed', '/queues/queue/main.upload?status=failed'],
  ['//evil.example/', '/'],
  ['/\\evil.example/', '/'],
  ['https://evil.example/', '/'],
  ['/a\r\nSet-Cookie: x=y', '/'],
  ['/login?next=/login', '/'],
  ['', '/'],
  [undefined, '/'],
])('a login that was to lead to %j leads to %s', (wanted, page) => {
  expect(landingPage(wanted)).toBe(page);
});
