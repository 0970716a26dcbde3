import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { ingestBody, page, parsed } from '../input.ts';

/**
 * `GET /api/tars?limit=&offset=`: how many were extracted and failed, and a page of the failed ones.
 * `POST /api/ingest` with `{tars: [path, …]}`: queues them now, all or none; repeating it is harmless.
 */
export function tars(server: FastifyInstance, { state, ingest }: Context): void {
  server.get('/api/tars', async (request) => {
    const { limit, offset } = parsed(page, request.query);
    const { extractedTars, failedTars } = state.counts();
    const rows = state.failedTars({}).slice(offset, offset + limit);
    const end = offset + rows.length;
    return { extracted: extractedTars, failed: failedTars, rows, next: end < failedTars ? end : null };
  });

  server.post('/api/ingest', async (request) => {
    const ingested = await ingest(parsed(ingestBody, request.body).tars);
    return { tars: ingested.map(({ tar, state }) => ({ tar: tar.path, state })) };
  });
}
