import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { leftOutOf, versionsOf } from '../../operate/trace/index.ts';
import { cursorOf, pageOf, readId } from '../../platform/paging/index.ts';
import type { Context } from '../context.ts';
import { ingestBody, page, parsed, tarsQuery } from '../input.ts';
import { refuse } from '../replies.ts';
import { onDiskOf, remedyOf } from './recordings.ts';

const named = z.object({ id: z.string().min(1).max(8192) });

/**
 * `GET /api/tars?limit=&after=`: how many were extracted and failed, and a page of the failed ones, by path; with `state=`, `search=`,
 * `from=` or `to=` of those that fit, the latest first. `GET /api/tars/:id`: one tar with a page of its recordings, what of it
 * was not taken, and its versions.
 * `POST /api/ingest` with `{tars: [path, …]}`: queues them now, all or none; repeating it is harmless.
 */
export function tars(server: FastifyInstance, context: Context): void {
  const { ledger, ingest } = context;
  server.get('/api/tars', async (request) => {
    const { limit, after, ...filter } = parsed(tarsQuery, request.query);
    const { extractedTars, failedTars } = await ledger.catalogue.counts();
    const counts = { extracted: extractedTars, failed: failedTars };
    if (Object.values(filter).every((value) => value === undefined)) {
      const { rows, next } = await ledger.tars.failed({}, { after, limit });
      return { ...counts, ...pageOf(rows, ({ path }) => path, undefined), next: next ?? null };
    }
    const { search, from, to } = filter;
    const found = await ledger.catalogue.browseTars({
      state: filter.state ?? 'all',
      part: search,
      from,
      to,
      limit,
      after,
    });
    return { ...counts, ...pageOf(found.rows, ({ path }) => path, undefined), next: found.next ?? null };
  });

  server.get('/api/tars/:id', async (request, reply) => {
    const found = await oneTar(context, readId(named.parse(request.params).id, isPath), request.query);
    if (found !== undefined) return found;
    return refuse(reply, 404, {
      error: 'state.db knows no such tar',
      code: 'USAGE',
      remedy: 'look for it on /tars by a part of its path, or on /landing',
    });
  });

  server.post('/api/ingest', async (request) => {
    const ingested = await ingest(parsed(ingestBody, request.body).tars);
    return { tars: ingested.map(({ tar, state: is }) => ({ tar: tar.path, state: is })) };
  });
}

async function oneTar(context: Context, path: string, query: unknown): Promise<object | undefined> {
  const { tars: known, catalogue } = context.ledger;
  const { history } = context;
  const { limit, after } = parsed(page, query);
  const [extraction, failure] = await Promise.all([known.get(path), known.failure(path)]);
  if (extraction === undefined && failure === undefined) return undefined;
  const { rows, next } = await catalogue.browse({ tar: path, limit, after });
  const reported = await history.eventsAbout(path);
  return {
    id: cursorOf(path),
    path,
    extraction: extraction ?? null,
    failure: failure ?? null,
    remedy: remedyOf(failure?.cause),
    onDisk: await onDiskOf(context, path),
    progress: await known.progress(path),
    leftOut: leftOutOf(reported) ?? null,
    versions: extraction === undefined ? [] : versionsOf(extraction, reported),
    recordings: { ...pageOf(rows, (row) => row.path, undefined), next: next ?? null },
  };
}

function isPath(value: unknown): value is string {
  return typeof value === 'string';
}
