import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Report } from '../domain/events.ts';
import { FAULTS, faultCode, messageOf, type FaultCode } from '../domain/faults.ts';

/** Refuses with the form that every error of the API has. */
export function refuse(
  reply: FastifyReply,
  status: number,
  refusal: { readonly error: string; readonly code: string; readonly remedy: string },
): FastifyReply {
  return reply.code(status).send(refusal);
}

/** Turns what the routes throw into `{error, code, remedy}`; what is not a caller's fault is reported. */
export function answerFaults(
  server: FastifyInstance,
  report: Report,
  /** What to say of an address that there is not. */
  missing?: () => Error,
): void {
  server.setErrorHandler((error, request, reply) => {
    const code = codeOf(error);
    const status = statusOf(error, code);
    // that a site is another host's is no fault of this one
    if (status >= 500 && FAULTS[code].cause !== 'site')
      report('request failed', { route: routeOf(request.url), err: error });
    const remedy = code === 'USAGE' ? 'see docs/http.md for what each route takes' : FAULTS[code].remedy;
    return refuse(reply, status, { error: messageOf(error), code, remedy });
  });
  server.setNotFoundHandler((request, reply) => {
    if (missing !== undefined) throw missing();
    return refuse(reply, 404, {
      error: `there is no ${request.method} ${routeOf(request.url)}`,
      code: 'USAGE',
      remedy: 'open / for what there is',
    });
  });
}

/** Who asked, as the events name them: by the page or with the token, and from which address. */
export function askerOf({ who, ip }: FastifyRequest): { readonly by: string; readonly from: string } {
  return { by: who?.by === 'cookie' ? 'console' : 'token', from: ip };
}

/** The path alone: what follows the question mark may hold the token. */
export function routeOf(url: string): string {
  return url.split('?', 1)[0] ?? url;
}

/** A fault of the request itself, as fastify tells it (a body that is no JSON, too large, of a foreign type). */
function requestFault(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  const { statusCode } = error;
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : undefined;
}

function codeOf(error: unknown): FaultCode {
  return requestFault(error) === undefined ? faultCode(error) : 'USAGE';
}

function statusOf(error: unknown, code: FaultCode): number {
  if (code === 'USAGE') return requestFault(error) ?? 400;
  if (code === 'TAR_MISSING') return 404;
  if (code === 'TAR_INCOMPLETE' || code === 'ALREADY_RUNNING') return 409;
  if (code === 'OBJECT_MISSING' || code === 'SNAPSHOT_UNKNOWN') return 404;
  return FAULTS[code].exit === 3 ? 503 : 500;
}
