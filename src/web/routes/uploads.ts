import type { FastifyInstance } from 'fastify';
import { pageOf, readCursor } from '../../platform/paging/index.ts';
import type { RecordingPlace, StateStore } from '../../domain/ledger.ts';
import type { Context } from '../context.ts';
import { parsed, requeueBody, uploadsQuery } from '../input.ts';

/**
 * `GET /api/uploads?status=&search=&limit=&after=`: a page of rows, the newest change first.
 * `POST /api/uploads/requeue`: FAILED → PENDING with a fresh budget; repeating it is harmless.
 */
export function uploads(server: FastifyInstance, { state, requeue }: Context): void {
  server.get('/api/uploads', async (request) => {
    const { status, search, limit, after } = parsed(uploadsQuery, request.query);
    const wanted = { status, limit, after: after === undefined ? undefined : readCursor(after, isPlace) };
    const { rows, next } =
      search === undefined ? state.list(wanted) : await state.search({ ...wanted, part: search });
    return {
      ...(search === undefined && { total: total(state, status) }),
      ...pageOf(rows, ({ path }) => path, next),
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

function isPlace(value: unknown): value is RecordingPlace {
  if (typeof value !== 'object' || value === null || !('rowid' in value) || !('timestamp' in value))
    return false;
  const { rowid, timestamp } = value;
  return Number.isSafeInteger(rowid) && (timestamp === null || typeof timestamp === 'string');
}
