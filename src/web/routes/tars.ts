import type { FastifyInstance } from 'fastify';
import { pageOf, readCursor } from '../../platform/paging/index.ts';
import type { Context } from '../context.ts';
import { ingestBody, page, parsed } from '../input.ts';

/**
 * `GET /api/tars?limit=&after=`: how many were extracted and failed, and a page of the failed ones, by path.
 * `POST /api/ingest` with `{tars: [path, …]}`: queues them now, all or none; repeating it is harmless.
 */
export function tars(server: FastifyInstance, { state, ingest }: Context): void {
  server.get('/api/tars', async (request) => {
    const { limit, after } = parsed(page, request.query);
    const { extractedTars, failedTars } = state.counts();
    const from = after === undefined ? '' : readCursor(after, isPath);
    const behind = state.failedTars({}).filter(({ path }) => isBehind(path, from));
    const rows = behind.slice(0, limit);
    const next = behind.length > limit ? rows.at(-1)?.path : undefined;
    return { extracted: extractedTars, failed: failedTars, ...pageOf(rows, ({ path }) => path, next) };
  });

  server.post('/api/ingest', async (request) => {
    const ingested = await ingest(parsed(ingestBody, request.body).tars);
    return { tars: ingested.map(({ tar, state }) => ({ tar: tar.path, state })) };
  });
}

function isPath(value: unknown): value is string {
  return typeof value === 'string';
}

/** In SQLite's order, which is that of the bytes. */
function isBehind(path: string, from: string): boolean {
  return Buffer.compare(Buffer.from(path), Buffer.from(from)) > 0;
}
