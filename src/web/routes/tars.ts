import type { FastifyInstance } from 'fastify';
import { pageOf } from '../../platform/paging/index.ts';
import type { Context } from '../context.ts';
import { ingestBody, page, parsed } from '../input.ts';

/**
 * `GET /api/tars?limit=&after=`: how many were extracted and failed, and a page of the failed ones, by path.
 * `POST /api/ingest` with `{tars: [path, …]}`: queues them now, all or none; repeating it is harmless.
 */
export function tars(server: FastifyInstance, { ledger, ingest }: Context): void {
  server.get('/api/tars', async (request) => {
    const { limit, after } = parsed(page, request.query);
    const { extractedTars, failedTars } = await ledger.catalogue.counts();
    const { rows, next } = await ledger.tars.failed({}, { after, limit });
    const failures = pageOf(rows, ({ path }) => path, undefined);
    return { extracted: extractedTars, failed: failedTars, ...failures, next: next ?? null };
  });

  server.post('/api/ingest', async (request) => {
    const ingested = await ingest(parsed(ingestBody, request.body).tars);
    return { tars: ingested.map(({ tar, state }) => ({ tar: tar.path, state })) };
  });
}
