import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  COOKIE,
  isSameOrigin,
  landingPage,
  SESSION_SECONDS,
  sessionCookie,
  tokenOf,
  type Throttle,
} from '../auth.ts';
import type { Context } from '../context.ts';
import { loadPage } from '../load-page.ts';
import { routeOf } from '../replies.ts';

const body = z.object({ token: z.string().max(4096), next: z.string().max(4096).optional() });
const SESSION = {
  httpOnly: true,
  sameSite: 'lax', // else a link from a chat or a ticket asks for the token again; changes ask for our own origin
  maxAge: SESSION_SECONDS,
} as const;
const wanted = z.object({ next: z.string().max(4096).optional() });

/**
 * `GET` and `POST /login`, and `GET /?token=…`: the token against a cookie that only this server can have made, and back to where
 * one was going. `POST /logout` takes the cookie away.
 */
export function login(
  server: FastifyInstance,
  { token, readOnlyToken, clock, report, prefix }: Context,
  throttle: Throttle,
): void {
  const tokens = { token, readOnlyToken };
  const page = loadPage('login.html');
  const path = prefix === '' ? '/' : prefix;

  const form = (reply: FastifyReply, status: number, message: string, next = '/'): FastifyReply =>
    page.send(reply.code(status), (html) =>
      // a function: what stands behind a dollar sign would be a group else; landingPage has let no quote through
      html
        .replace('<!-- message -->', message)
        .replace('<!-- action -->', () => escapeAttribute(`${prefix}/login`))
        .replace('<!-- next -->', () => escapeAttribute(next)),
    );

  const admit = (
    request: FastifyRequest,
    reply: FastifyReply,
    candidate: string,
    next: string,
  ): FastifyReply => {
    const nowMs = clock.monotonicMs();
    const route = routeOf(request.url);
    if (throttle.isBlocked(request.ip, nowMs)) {
      report('request refused', { route, status: 429, reason: `too many wrong tokens from ${request.ip}` });
      return form(reply.header('retry-after', '60'), 429, 'Too many wrong tokens: wait a minute.', next);
    }
    const opened = tokenOf(tokens, candidate);
    if (opened === undefined) {
      throttle.miss(request.ip, nowMs);
      report('request refused', { route, status: 401, reason: `a wrong token from ${request.ip}` });
      return form(reply, 401, 'That is not the token.', next);
    }
    return reply
      .setCookie(COOKIE, sessionCookie(opened, clock.now()), {
        ...SESSION,
        path,
        secure: request.protocol === 'https',
      })
      .header('cache-control', 'no-store')
      .header('referrer-policy', 'no-referrer')
      .redirect(`${prefix}${next}`, 303);
  };

  server.get('/login', (request, reply) =>
    form(reply, 200, '', landingPage(wanted.safeParse(request.query).data?.next)),
  );
  server.post('/login', (request, reply) => {
    const { token: candidate = '', next } = body.safeParse(request.body).data ?? {};
    return admit(request, reply, candidate, landingPage(next));
  });
  server.post('/logout', (request, reply) => {
    if (!isSameOrigin(request.headers)) return reply.code(403).send();
    return reply.clearCookie(COOKIE, { path }).redirect(`${prefix}/login`, 303);
  });
  server.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'GET' || routeOf(request.url) !== '/') return undefined;
    const candidate = body.safeParse(request.query).data?.token;
    return candidate === undefined ? undefined : admit(request, reply, candidate, '/');
  });
}

function escapeAttribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}
