import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { page, parsed } from '../input.ts';

/** `GET /api/tars?limit=&offset=`: how many were extracted and failed, and a page of the failed ones. */
export function tars(server: FastifyInstance, { state }: Context): void {
  server.get('/api/tars', async (request) => {
    const { limit, offset } = parsed(page, request.query);
    const { extractedTars, failedTars } = state.counts();
    const rows = state.failedTars({}).slice(offset, offset + limit);
    const end = offset + rows.length;
    return { extracted: extractedTars, failed: failedTars, rows, next: end < failedTars ? end : null };
  });
}
