import type { FastifyReply, FastifyRequest } from 'fastify';
import { FAULTS, messageOf } from '../../domain/faults.ts';
import type { SiteApi } from '../../operate/sites/index.ts';

const PASSED = ['accept', 'content-type', 'content-length', 'range'] as const;
const RETURNED = [
  'content-type',
  'content-length',
  'content-range',
  'content-disposition',
  'accept-ranges',
  'cache-control',
  'x-content-type-options',
] as const;

/** Passes a request on to the API of its site, and what that answers back, byte by byte. */
export function passOn(
  api: SiteApi,
  path: string,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const asked = api.open(request.method, path, only(PASSED, request.headers));
  reply.raw.once('close', () => asked.destroy());
  reply.hijack();
  asked.once('response', (answer) => {
    if (answer.statusCode === 401) {
      answer.resume();
      refuseRaw(reply, `the site ${api.site} refuses the token that "sites" has of it`);
      return;
    }
    reply.raw.writeHead(answer.statusCode ?? 502, only(RETURNED, answer.headers));
    answer.once('error', () => reply.raw.destroy());
    answer.pipe(reply.raw);
  });
  asked.once('error', (error) => {
    if (reply.raw.headersSent) reply.raw.destroy();
    else refuseRaw(reply, `the site ${api.site} does not answer: ${messageOf(error)}`);
  });
  request.raw.pipe(asked);
  return reply;
}

function only(
  names: readonly string[],
  headers: NodeJS.Dict<string | string[]>,
): Record<string, string | string[]> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function refuseRaw({ raw }: FastifyReply, error: string): void {
  raw.writeHead(503, { 'content-type': 'application/json; charset=utf-8' });
  raw.end(JSON.stringify({ error, code: 'SITE_AWAY', remedy: FAULTS.SITE_AWAY.remedy }));
}
