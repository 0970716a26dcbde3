import type { FastifyInstance, FastifyRequest } from 'fastify';
import { COOKIE, identify, isSameOrigin, triesToken, type Throttle } from './auth.ts';
import type { Context } from './context.ts';
import { refuse, routeOf } from './replies.ts';

/** Lets nothing through to the routes of this scope without the token or a login, and no change that another site asked for. */
export function guard(server: FastifyInstance, { token, clock, report }: Context, throttle: Throttle): void {
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
    const who = identify(token, credentials, clock.now());
    if (who === undefined) {
      if (guesses) {
        throttle.miss(request.ip, clock.monotonicMs());
        report('request refused', { route, status: 401, reason: `a wrong token from ${request.ip}` });
      }
      if (wantsPage(request)) return reply.redirect(`/login?next=${encodeURIComponent(request.url)}`, 303);
      return refuse(reply, 401, {
        error: 'the token is missing or wrong',
        code: 'UNAUTHENTICATED',
        remedy: 'send "Authorization: Bearer …" with the dashboard’s token',
      });
    }
    if (who === 'cookie' && changes(request) && !isSameOrigin(request.headers)) {
      report('request refused', { route, status: 403, reason: 'it came from another origin' });
      return refuse(reply, 403, {
        error: 'this change was asked for from another origin',
        code: 'CROSS_ORIGIN',
        remedy: 'use the dashboard’s own pages, or the token',
      });
    }
    return undefined;
  });
}

function changes({ method }: FastifyRequest): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** `/` and the pages of Bull Board are opened by people; its API and its files, like everything else, by programs. */
function wantsPage({ method, url }: FastifyRequest): boolean {
  const isPage = /^\/(queues(?!\/(api|static)\/)(\/.*)?)?$/.test(routeOf(url));
  return method === 'GET' && isPage;
}
