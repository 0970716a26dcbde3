import type { FastifyInstance } from 'fastify';
import { pageOf } from '../../platform/paging/index.ts';
import { ratesOfLastDay } from '../../operate/status/index.ts';
import type { Context } from '../context.ts';

/** `GET /api/rates`: a row for each of the last 24 hours, what was uploaded and what failed in it, the present one last. */
export function rates(server: FastifyInstance, { ledger, clock }: Context): void {
  server.get('/api/rates', async () =>
    pageOf(await ratesOfLastDay(ledger.catalogue, clock.now()), ({ from }) => from, undefined),
  );
}
