import type { FastifyInstance } from 'fastify';
import { ratesOfLastDay } from '../../status/index.ts';
import type { Context } from '../context.ts';

/** `GET /api/rates`: what was uploaded and what failed in each of the last 24 hours, the present one last. */
export function rates(server: FastifyInstance, { state, clock }: Context): void {
  server.get('/api/rates', () => ({ hours: ratesOfLastDay(state, clock.now()) }));
}
