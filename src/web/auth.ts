import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../platform/config/index.ts';

// Who may do what; nothing in here touches a request or a clock.

export const COOKIE = 'wavspool_session';
export const SESSION_SECONDS = 7 * 86_400;

export interface Credentials {
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
}

/** What opens the dashboard. */
export interface Tokens {
  /** Its holder may do everything. */
  readonly token: Secret;
  /** Its holder sees everything and changes nothing. */
  readonly readOnlyToken?: Secret | undefined;
}

/** Who asks: how it was proven, and whether they may change anything. */
export interface Identity {
  readonly by: 'token' | 'cookie';
  readonly may: 'act' | 'look';
}

/** How a request proves itself: by a token, by the cookie of a login, or not at all. `now` in ms since 1970. */
export function identify(
  tokens: Tokens,
  { authorization, cookie }: Credentials,
  now: number,
): Identity | undefined {
  const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  const by = bearer === undefined ? 'cookie' : 'token';
  const opens = (token: Secret): boolean =>
    bearer === undefined ? cookie !== undefined && isSession(token, cookie, now) : isToken(token, bearer);
  if (opens(tokens.token)) return { by, may: 'act' };
  return tokens.readOnlyToken !== undefined && opens(tokens.readOnlyToken) ? { by, may: 'look' } : undefined;
}

/** The one of the tokens that this is; undefined when it is none. */
export function tokenOf({ token, readOnlyToken }: Tokens, candidate: string): Secret | undefined {
  if (isToken(token, candidate)) return token;
  return readOnlyToken !== undefined && isToken(readOnlyToken, candidate) ? readOnlyToken : undefined;
}

/** True when a request tries a token of its own: who guesses has to wait, wherever the guess stands. */
export function triesToken({ authorization }: Credentials): boolean {
  return /^Bearer /i.test(authorization ?? '');
}

/** Where a login leads: a page of ours, whatever the address says. */
export function landingPage(wanted: string | undefined): string {
  if (wanted === undefined || !/^\/(?![/\\])[\x21-\x7e]*$/.test(wanted)) return '/';
  return wanted.startsWith('/login') || wanted.startsWith('/logout') ? '/' : wanted;
}

/** Compares in constant time, whatever the lengths are. */
export function isToken(token: Secret, candidate: string): boolean {
  return isSame(token.reveal(), candidate);
}

/** The value of the cookie: when it ends, and a signature that only the holder of the token can make. */
export function sessionCookie(token: Secret, now: number): string {
  const endsAt = now + SESSION_SECONDS * 1000;
  return `${endsAt}.${signature(token, String(endsAt))}`;
}

/** What a browser says of the page that sends a request. */
export interface OriginHeaders {
  readonly origin?: string | undefined;
  readonly host?: string | undefined;
  readonly 'sec-fetch-site'?: string | string[] | undefined;
}

/**
 * Whether a change may come from where it comes from. A browser sends its cookies with requests that other sites make it send, so one with
 * a cookie must say that our own page sends it. A program with a token names no page; a page that has the token must be ours.
 */
export function isFromOwnPage(by: Identity['by'], headers: OriginHeaders): boolean {
  const namesPage = headers.origin !== undefined || headers['sec-fetch-site'] !== undefined;
  return (by === 'token' && !namesPage) || isSameOrigin(headers);
}

/** Whether our own page sends it, as the browser says. */
export function isSameOrigin(headers: OriginHeaders): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin, host } = headers;
  return origin !== undefined && host !== undefined && URL.parse(origin)?.host === host.toLowerCase();
}

/** After this many wrong tokens from one address it has to wait. */
const MAX_MISSES = 5;
const MISS_WINDOW_MS = 60_000;
/** Addresses that are remembered; an attacker with more of them starts the count anew. */
const MAX_ADDRESSES = 10_000;

/** Counts wrong tokens per address. `nowMs` is monotonic. */
export interface Throttle {
  isBlocked(address: string, nowMs: number): boolean;
  miss(address: string, nowMs: number): void;
}

export function createThrottle(): Throttle {
  const misses = new Map<string, { count: number; since: number }>();
  const current = (address: string, nowMs: number): { count: number; since: number } | undefined => {
    const entry = misses.get(address);
    return entry !== undefined && nowMs - entry.since < MISS_WINDOW_MS ? entry : undefined;
  };
  return {
    isBlocked: (address, nowMs) => (current(address, nowMs)?.count ?? 0) >= MAX_MISSES,
    miss: (address, nowMs) => {
      const entry = current(address, nowMs) ?? { count: 0, since: nowMs };
      if (misses.size >= MAX_ADDRESSES) misses.clear();
      misses.set(address, { ...entry, count: entry.count + 1 });
    },
  };
}

function isSession(token: Secret, cookie: string, now: number): boolean {
  const [endsAt = '', signed = ''] = cookie.split('.');
  return isSame(signature(token, endsAt), signed) && Number(endsAt) > now;
}

function signature(token: Secret, endsAt: string): string {
  return createHmac('sha256', token.reveal()).update(`wavspool session ${endsAt}`).digest('base64url');
}

function isSame(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b)); // it wants equal lengths
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
