import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';

/** `GET /api/status`: the status, with the verdict over it. */
export function statusRoute(server: FastifyInstance, { status }: Context): void {
  server.get('/api/status', () => status());
}
