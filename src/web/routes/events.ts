import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { WavspoolError } from '../../domain/faults.ts';
import type { KeptEvent } from '../../domain/history.ts';
import { cursorOf, readCursor } from '../../platform/paging/index.ts';
import { isoTime, parseTime } from '../../platform/runtime/index.ts';
import type { Context } from '../context.ts';
import { dayFrom, dayTo, parsed } from '../input.ts';

const eventsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: z.string().min(1).max(8192).optional(),
  level: z.enum(['error', 'warn', 'info']).optional(),
  search: z.string().min(1).max(4096).optional(),
  who: z.literal('people').optional(),
  from: dayFrom.optional(),
  to: dayTo.optional(),
});

const LEVELS = { error: ['error'], warn: ['error', 'warn'], info: ['error', 'warn', 'info'] } as const;
const STATUS_MS = 2000;
/** A page that does not take what it is sent is let go of: it comes again by itself. */
const MOST_UNSENT_BYTES = 4 * 1024 * 1024;

/**
 * `GET /api/events?level=&search=&who=&from=&to=&limit=&after=`: what was reported, the newest first. Asked for `text/event-stream`:
 * every event as it comes, and every 2 s the status. Of a site that is another host's there is the list alone: nothing here hears its log.
 */
export function events(server: FastifyInstance, context: Context): void {
  const { history, isElsewhere, settings } = context;
  const streams = isElsewhere === true ? undefined : openStreams(context);
  server.addHook('onClose', async () => streams?.close());
  server.get('/api/events', async (request, reply) => {
    if (request.headers.accept?.includes('text/event-stream') === true) {
      if (streams !== undefined) return streams.open(request, reply);
      const message = `only the host of the site ${settings.site} sends its events as they come`;
      throw new WavspoolError('SITE_UNASKED', message);
    }
    const { limit, after, level, search, who, from, to } = parsed(eventsQuery, request.query);
    const found = await history.events({
      limit: limit + 1,
      before: after === undefined ? undefined : readCursor(after, isSeq),
      levels: level === undefined ? undefined : LEVELS[level],
      text: search,
      byPeople: who === 'people',
      from: from === undefined ? undefined : parseTime(`${from.replace(' ', 'T')}Z`),
      to: to === undefined ? undefined : parseTime(`${to.replace(' ', 'T')}Z`),
    });
    const rows = found.slice(0, limit);
    const next = found.length > limit ? rows.at(-1)?.seq : undefined;
    return {
      rows: rows.map((event) => ({ id: cursorOf(event.seq), ...publicEvent(event) })),
      next: next === undefined ? null : cursorOf(next),
    };
  });
}

function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function publicEvent({ at, level, event, role, by, fields }: KeptEvent) {
  return { at: isoTime(at), level, event, role, by: by ?? null, fields };
}

interface Streams {
  open(request: FastifyRequest, reply: FastifyReply): FastifyReply;
  close(): void;
}

function openStreams({ heard, status, clock }: Context): Streams {
  const open = new Set<FastifyReply['raw']>();
  const closed = new AbortController();
  const send = (text: string): void => {
    for (const raw of open) {
      if (raw.writableLength > MOST_UNSENT_BYTES) raw.destroy();
      else raw.write(text);
    }
  };
  const unhear = heard((events) => {
    if (open.size === 0) return;
    send(
      events
        .map(
          (event) =>
            `id: ${cursorOf(event.seq)}\nevent: report\ndata: ${JSON.stringify(publicEvent(event))}\n\n`,
        )
        .join(''),
    );
  });
  /** One question for all pages; what Redis or a disk cannot tell is not sent, and the page says that it is old. */
  const tell = async (): Promise<void> => {
    while (open.size > 0 && !closed.signal.aborted) {
      const told = await status().then(
        (now) => `event: status\ndata: ${JSON.stringify(now)}\n\n`,
        (error: unknown) => `: ${String(error).replaceAll(/\s+/g, ' ')}\n\n`,
      );
      send(told);
      await clock.sleep(STATUS_MS, closed.signal);
    }
  };
  let telling: Promise<void> | undefined;
  return {
    open: (_request, reply) => {
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-accel-buffering': 'no',
      });
      raw.write('retry: 2000\n\n');
      open.add(raw);
      raw.once('close', () => open.delete(raw));
      telling ??= tell().finally(() => {
        telling = undefined;
      });
      return reply;
    },
    close: () => {
      closed.abort();
      unhear();
      for (const raw of open) raw.end();
    },
  };
}
