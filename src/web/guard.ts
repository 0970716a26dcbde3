import type { FastifyInstance, FastifyRequest } from 'fastify';
import { COOKIE, identify, isFromOwnPage, triesToken, type Identity, type Throttle } from './auth.ts';
import type { Context } from './context.ts';
import { askerOf, refuse, routeOf } from './replies.ts';
import { isScreen } from './screens.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks, once the guard has let them through. */
    who: Identity | undefined;
  }
}

/** Lets nothing through to the routes of this scope without the token or a login, and no change that another site asked for. */
export function guard(
  server: FastifyInstance,
  { token, readOnlyToken, clock, report, prefix }: Context,
  throttle: Throttle,
): void {
  const tokens = { token, readOnlyToken };
  server.decorateRequest('who', undefined);
  server.addHook('onRequest', async (request, reply) => {
    const credentials = { authorization: request.headers.authorization, cookie: request.cookies[COOKIE] };
    const guesses = triesToken(credentials);
    const route = routeOf(request.url);
    if (guesses && throttle.isBlocked(request.ip, clock.monotonicMs())) {
      report('request refused', { route, status: 429, reason: `too many wrong tokens from ${request.ip}` });
      return refuse(reply.header('retry-after', '60'), 429, {
        error: 'too many wrong tokens from this address',
        code: 'UNAUTHENTICATED',
        remedy: 'wait a minute, then send the right one',
      });
    }
    const who = identify(tokens, credentials, clock.now());
    if (who === undefined) {
      if (guesses) {
        throttle.miss(request.ip, clock.monotonicMs());
        report('request refused', { route, status: 401, reason: `a wrong token from ${request.ip}` });
      }
      if (wantsPage(request))
        return reply.redirect(`${prefix}/login?next=${encodeURIComponent(request.url)}`, 303);
      return refuse(reply, 401, {
        error: 'the token is missing or wrong',
        code: 'UNAUTHENTICATED',
        remedy: 'send "Authorization: Bearer …" with the dashboard’s token',
      });
    }
    const refusal = whyRefused(request, who);
    if (refusal !== undefined) {
      report('request refused', { route, status: 403, reason: refusal.reason });
      return refuse(reply, 403, refusal.problem);
    }
    request.who = who;
    return undefined;
  });
  // who had what done stands in the log, and so among the events
  server.addHook('onResponse', async (request, reply) => {
    const { who, body } = request;
    if (who === undefined || !changes(request)) return;
    report('asked over HTTP', {
      ...askerOf(request),
      what: `${request.method} ${routeOf(request.url)}${siteIn(request.originalUrl)}`,
      asked: JSON.stringify(body ?? {}).slice(0, MOST_ASKED),
      status: reply.statusCode,
    });
  });
}

const OTHER_ORIGIN = {
  reason: 'it came from another origin',
  problem: {
    error: 'this change was asked for from another origin',
    code: 'CROSS_ORIGIN',
    remedy: 'use the dashboard’s own pages, or the token from a program',
  },
};
const READ_ONLY = {
  reason: 'it came with the read-only token',
  problem: {
    error: 'the read-only token sees everything and changes nothing',
    code: 'READ_ONLY',
    remedy: 'log in with http.token, or the token in dashboard.token',
  },
};

/** Why a caller who is known may not have this; undefined when they may. */
function whyRefused(request: FastifyRequest, { by, may }: Identity): typeof OTHER_ORIGIN | undefined {
  if (!changes(request)) return undefined;
  if (!isFromOwnPage(by, request.headers)) return OTHER_ORIGIN;
  return may === 'look' ? READ_ONLY : undefined;
}

/** Which other site it was asked of. */
function siteIn(url: string): string {
  const site = new URLSearchParams(url.split('?', 2)[1] ?? '').get('site');
  return site === null ? '' : ` of ${site}`;
}

/** Of what was asked for, in the log. */
const MOST_ASKED = 500;

function changes({ method }: FastifyRequest): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** The console's screens and the pages of Bull Board are opened by people; its API and its files, like everything else, by programs. */
function wantsPage({ method, url }: FastifyRequest): boolean {
  const route = routeOf(url);
  return method === 'GET' && (isScreen(route) || /^\/queues(?!\/(api|static)\/)(\/.*)?$/.test(route));
}
