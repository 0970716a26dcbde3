import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { asTar, chosen } from '../../operate/fetch/index.ts';
import { refuseUnknownCause } from '../../operate/requeue/index.ts';
import type { Context } from '../context.ts';
import { fetchQuery, filterOf, parsed } from '../input.ts';
import { askerOf } from '../replies.ts';

/** `GET /api/fetch?…`: the uploaded recordings that fit the filters of `/api/uploads`, as one tar. */
export function fetchRoute(server: FastifyInstance, { ledger, settings, host, report }: Context): void {
  server.get('/api/fetch', async (request, reply) => {
    const asked = parsed(fetchQuery, request.query);
    if (asked.cause !== undefined) await refuseUnknownCause(ledger, asked.cause);
    const filter = filterOf(asked);
    const ended = new AbortController();
    request.raw.once('close', () => ended.abort());
    const { extracted, data } = settings.paths;
    const deps = { store: await host.store(), extracted, scratch: join(data, 'scratch') };
    const asker = askerOf(request);
    const chunks = asTar(deps, chosen(ledger, filter), ended.signal, ({ recordings, bytes, unverified }) =>
      report('recordings fetched', { ...asker, recordings, bytes, unverified: unverified.length }),
    );
    const first = await chunks.next(); // what keeps it from beginning is answered as a fault, not by a tar that breaks off
    return reply
      .type('application/x-tar')
      .header('content-disposition', 'attachment; filename="recordings.tar"')
      .header('cache-control', 'private, no-store')
      .send(Readable.from(beginningWith(first, chunks)));
  });
}

async function* beginningWith<Chunk>(
  first: IteratorResult<Chunk, void>,
  rest: AsyncGenerator<Chunk, void>,
): AsyncGenerator<Chunk> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}
