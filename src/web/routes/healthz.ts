import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { messageOf } from '../../domain/faults.ts';
import { stallOfRole, type Problem, type Verdict } from '../../operate/health/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import type { Status } from '../../operate/status/index.ts';
import type { Context } from '../context.ts';

const query = z.object({ role: z.string().max(63).optional() });

/**
 * `GET /healthz[?role=…]`: 200 while work gets done, 503 when work waits that no role does; what needs attention stands in the
 * body and is no 503, for a restart does not mend it. Without a token, and within 3 s.
 */
export function healthz(server: FastifyInstance, { status, clock }: Context): void {
  server.get('/healthz', async (request, reply) => {
    const { role } = query.safeParse(request.query).data ?? {};
    const verdict = await status().then(
      (status) => (role === undefined ? status.verdict : verdictOfRole(status, role, clock.now())),
      (error: unknown) => unknown(error, clock.now()),
    );
    return reply.code(verdict.alive ? 200 : 503).send(verdict);
  });
}

function verdictOfRole(status: Status, role: string, now: number): Verdict {
  const stall = stallOfRole(status, role, now);
  return { alive: stall === undefined, attention: stall === undefined ? [] : [stall], held: [] };
}

/** It cannot be told how the site is. */
function unknown(error: unknown, now: number): Verdict {
  const problem: Problem = {
    id: 'unknown',
    since: isoTime(now),
    what: `How the site is cannot be told: ${messageOf(error)}.`,
    effect: 'Nothing is known of what waits.',
    remedy: 'Mend what the message names.',
    command: 'wavspool doctor',
  };
  return { alive: false, attention: [problem], held: [] };
}
