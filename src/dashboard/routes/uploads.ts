import type { FastifyInstance } from 'fastify';
import type { StateStore } from '../../state/index.ts';
import type { Context } from '../context.ts';
import { parsed, requeueBody, uploadsQuery } from '../input.ts';

/**
 * `GET /api/uploads?status=&search=&limit=&offset=`: a page of rows, the newest change first.
 * `POST /api/uploads/requeue`: FAILED → PENDING with a fresh budget; repeating it is harmless.
 */
export function uploads(server: FastifyInstance, { state, requeue }: Context): void {
  server.get('/api/uploads', async (request) => {
    const { status, search, limit, offset } = parsed(uploadsQuery, request.query);
    const wanted = { status, limit: limit + 1, offset };
    const found = search === undefined ? state.list(wanted) : await state.search({ ...wanted, part: search });
    return {
      ...(search === undefined && { total: total(state, status) }),
      rows: found.slice(0, limit),
      next: found.length > limit ? offset + limit : null,
    };
  });

  server.post('/api/uploads/requeue', async (request) => {
    const { all, ...words } = parsed(requeueBody, request.body);
    return requeue(words, all === true || words.tar !== undefined);
  });
}

function total(state: StateStore, status: 'PENDING' | 'SUCCESS' | 'FAILED' | undefined): number {
  const counts = state.counts();
  return status === undefined ? counts.PENDING + counts.SUCCESS + counts.FAILED : counts[status];
}
