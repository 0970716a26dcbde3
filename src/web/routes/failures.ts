import type { FastifyInstance } from 'fastify';
import { isoTimestamp } from '../../platform/runtime/index.ts';
import type { Context } from '../context.ts';
import { remedyOf } from './recordings.ts';

/** `GET /api/failures`: the failed recordings by cause and message, each with its remedy, the most frequent first. */
export function failures(server: FastifyInstance, { ledger }: Context): void {
  server.get('/api/failures', async () => {
    const groups = await ledger.catalogue.failureGroups();
    return {
      rows: groups.map(({ since, ...group }) => ({
        ...group,
        since: since === undefined ? null : isoTimestamp(since),
        remedy: remedyOf(group.cause) ?? 'See the message.',
      })),
    };
  });
}
