import type { FastifyInstance } from 'fastify';
import { landingOf } from '../../landing/index.ts';
import type { Context } from '../context.ts';
import { landingQuery, parsed } from '../input.ts';

/** `GET /api/landing?limit=&after=`: a page of what lies in the landing directory and is not taken, by path. */
export function landing(server: FastifyInstance, context: Context): void {
  server.get('/api/landing', async (request) => {
    const { rows, next } = await landingOf(context, parsed(landingQuery, request.query));
    return { rows, next };
  });
}
