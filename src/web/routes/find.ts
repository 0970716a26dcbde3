import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { cursorOf } from '../../platform/paging/index.ts';
import { keyAt } from '../../platform/s3/index.ts';
import type { Context } from '../context.ts';
import { parsed } from '../input.ts';

const query = z.strictObject({ text: z.string().trim().min(1).max(4096) });
const MOST = 8;

/**
 * `GET /api/find?text=`: the newest recordings and tars that have it in their name, and the recording of that very key, alone or as
 * `s3://bucket/key`.
 */
export function find(server: FastifyInstance, { ledger, settings }: Context): void {
  server.get('/api/find', async (request) => {
    const text = keyAt(parsed(query, request.query).text, settings.s3);
    // a key is the recording's name behind the prefix
    const { prefix } = settings.s3;
    const part = prefix !== '' && text.startsWith(prefix) ? text.slice(prefix.length) : text;
    const [recordings, tars] = await Promise.all([
      ledger.catalogue.search({ part, limit: MOST }),
      ledger.catalogue.browseTars({ state: 'all', part, limit: MOST }),
    ]);
    return {
      recordings: recordings.rows.map(({ path, key, status }) => ({ id: cursorOf(path), path, key, status })),
      tars: tars.rows.map(({ path, state: is }) => ({ id: cursorOf(path), path, state: is })),
    };
  });
}
