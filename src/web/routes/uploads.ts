import type { FastifyInstance } from 'fastify';
import { pageOf } from '../../platform/paging/index.ts';
import type { LedgerCatalogue } from '../../domain/ledger.ts';
import type { Context } from '../context.ts';
import { parsed, requeueBody, uploadsQuery } from '../input.ts';

/**
 * `GET /api/uploads?status=&search=&limit=&after=`: a page of rows, the newest change first.
 * `POST /api/uploads/requeue`: FAILED → PENDING with a fresh budget; repeating it is harmless.
 */
export function uploads(server: FastifyInstance, { ledger: { catalogue }, requeue }: Context): void {
  server.get('/api/uploads', async (request) => {
    const { status, search, limit, after } = parsed(uploadsQuery, request.query);
    const wanted = { status, limit, after };
    const { rows, next } =
      search === undefined
        ? await catalogue.list(wanted)
        : await catalogue.search({ ...wanted, part: search });
    return {
      ...(search === undefined && { total: await total(catalogue, status) }),
      ...pageOf(rows, ({ path }) => path, undefined),
      next: next ?? null,
    };
  });

  server.post('/api/uploads/requeue', async (request) => {
    const { all, ...words } = parsed(requeueBody, request.body);
    return requeue(words, all === true || words.tar !== undefined);
  });
}

async function total(
  catalogue: LedgerCatalogue,
  status: 'PENDING' | 'SUCCESS' | 'FAILED' | undefined,
): Promise<number> {
  const counts = await catalogue.counts();
  return status === undefined ? counts.PENDING + counts.SUCCESS + counts.FAILED : counts[status];
}
