import type { FastifyInstance } from 'fastify';
import { judgeHealth } from '../../status/index.ts';
import type { Context } from '../context.ts';

/** `GET /api/status`: the status and whether it is healthy. */
export function statusRoute(server: FastifyInstance, { status, clock }: Context): void {
  server.get('/api/status', async () => {
    const current = await status();
    return { ...current, health: judgeHealth(current, clock.now()) };
  });
}
