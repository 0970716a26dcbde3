import type { FastifyInstance } from 'fastify';
import { pageOf } from '../../platform/paging/index.ts';
import { refuseUnknownCause } from '../../operate/requeue/index.ts';
import type { LedgerCatalogue } from '../../domain/ledger.ts';
import type { Context } from '../context.ts';
import { filterOf, parsed, requeueBody, uploadsQuery } from '../input.ts';

/**
 * `GET /api/uploads?status=&search=&tar=&cause=&codec=&from=&to=&minSeconds=&maxSeconds=&limit=&after=`: a page of rows, the newest
 * change first.
 * `POST /api/uploads/requeue`: FAILED → PENDING with a fresh budget; repeating it is harmless.
 */
export function uploads(server: FastifyInstance, { ledger: { catalogue }, requeue }: Context): void {
  server.get('/api/uploads', async (request) => {
    const { limit, after, ...filter } = parsed(uploadsQuery, request.query);
    const { status, search, cause } = filter;
    if (cause !== undefined) await refuseUnknownCause({ catalogue }, cause);
    const page = { limit, after };
    const isFiltered = Object.entries(filter).some(
      ([name, value]) => value !== undefined && name !== 'status' && name !== 'search',
    );
    const { rows, next } = isFiltered
      ? await catalogue.browse({ ...page, ...filterOf(filter) })
      : search === undefined
        ? await catalogue.list({ status, ...page })
        : await catalogue.search({ status, ...page, part: search });
    return {
      ...(search === undefined && !isFiltered && { total: await total(catalogue, status) }),
      ...pageOf(rows, ({ path }) => path, undefined),
      next: next ?? null,
    };
  });

  server.post('/api/uploads/requeue', async (request) => {
    const { all, dryRun, canary, ...words } = parsed(requeueBody, request.body);
    return requeue(words, all === true || words.tar !== undefined, { dryRun, canary });
  });
}

async function total(
  catalogue: LedgerCatalogue,
  status: 'PENDING' | 'SUCCESS' | 'FAILED' | undefined,
): Promise<number> {
  const counts = await catalogue.counts();
  return status === undefined ? counts.PENDING + counts.SUCCESS + counts.FAILED : counts[status];
}
