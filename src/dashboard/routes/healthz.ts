import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { messageOf } from '../../faults.ts';
import { healthOfRole, judgeHealth, type Health } from '../../status/index.ts';
import type { Context } from '../context.ts';

const query = z.object({ role: z.string().max(63).optional() });

/** `GET /healthz[?role=…]`: 200 while work gets done, 503 with the reasons when not; without a token, and within 3 s. */
export function healthz(server: FastifyInstance, { status, clock }: Context): void {
  server.get('/healthz', async (request, reply) => {
    const { role } = query.safeParse(request.query).data ?? {};
    const health = await status().then(
      (status): Health =>
        role === undefined ? judgeHealth(status, clock.now()) : healthOfRole(status, role, clock.now()),
      (error: unknown): Health => ({ state: 'stalled', reasons: [messageOf(error)] }),
    );
    return reply.code(health.state === 'stalled' ? 503 : 200).send(health);
  });
}
