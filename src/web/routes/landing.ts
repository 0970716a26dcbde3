import type { FastifyInstance } from 'fastify';
import { landingOf } from '../../operate/landing/index.ts';
import type { Context } from '../context.ts';
import { page, parsed } from '../input.ts';

/** `GET /api/landing?limit=&after=`: a page of what lies in the landing directory and is not taken, by path. */
export function landing(server: FastifyInstance, context: Context): void {
  server.get('/api/landing', async (request) => {
    if (!context.parts.recordings) return { rows: [], next: null, figures: {} };
    return landingOf(context, parsed(page, request.query));
  });
}
