import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { COOKIE, createThrottle, isToken, SESSION_SECONDS, sessionCookie } from '../auth.ts';
import type { Context } from '../context.ts';
import { loadPage } from '../load-page.ts';
import { routeOf } from '../replies.ts';

const body = z.object({ token: z.string().max(4096) });

/** `GET` and `POST /login`, and `GET /?token=…`: the token against a cookie that only this server can have made. */
export function login(server: FastifyInstance, { token, clock, report }: Context): void {
  const page = loadPage('login.html');
  const throttle = createThrottle();

  const form = (reply: FastifyReply, status: number, message: string): FastifyReply =>
    page.send(reply.code(status), (html) => html.replace('<!-- message -->', message));

  const admit = (request: FastifyRequest, reply: FastifyReply, candidate: string): FastifyReply => {
    const nowMs = clock.monotonicMs();
    const route = routeOf(request.url);
    if (throttle.isBlocked(request.ip, nowMs)) {
      report('request refused', { route, status: 429, reason: `too many wrong tokens from ${request.ip}` });
      return form(reply.header('retry-after', '60'), 429, 'Too many wrong tokens: wait a minute.');
    }
    if (!isToken(token, candidate)) {
      throttle.miss(request.ip, nowMs);
      report('request refused', { route, status: 401, reason: `a wrong token from ${request.ip}` });
      return form(reply, 401, 'That is not the token.');
    }
    return reply
      .setCookie(COOKIE, sessionCookie(token, clock.now()), {
        path: '/',
        httpOnly: true,
        sameSite: 'strict',
        maxAge: SESSION_SECONDS,
      })
      .header('cache-control', 'no-store')
      .header('referrer-policy', 'no-referrer')
      .redirect('/', 303);
  };

  server.get('/login', (_request, reply) => form(reply, 200, ''));
  server.post('/login', (request, reply) =>
    admit(request, reply, body.safeParse(request.body).data?.token ?? ''),
  );
  server.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'GET' || routeOf(request.url) !== '/') return undefined;
    const candidate = body.safeParse(request.query).data?.token;
    return candidate === undefined ? undefined : admit(request, reply, candidate);
  });
}
