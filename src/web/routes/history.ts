import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { MARKING, marksOf, secondsUntilDone, secondsUntilFull } from '../../operate/history/index.ts';
import { isoTime, parseTime } from '../../platform/runtime/index.ts';
import type { Context } from '../context.ts';
import { dayFrom, dayTo, parsed } from '../input.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How far back, and how much is one point of a curve. */
const RANGES = {
  '1h': { ms: HOUR_MS, binMs: MINUTE_MS },
  '24h': { ms: DAY_MS, binMs: 10 * MINUTE_MS },
  '7d': { ms: 7 * DAY_MS, binMs: HOUR_MS },
  '30d': { ms: 30 * DAY_MS, binMs: 4 * HOUR_MS },
} as const;

const historyQuery = z
  .strictObject({
    range: z.enum(['1h', '24h', '7d', '30d']).default('24h'),
    from: dayFrom.optional(),
    to: dayTo.optional(),
  })
  .refine(({ from, to }) => (from === undefined) === (to === undefined), 'say from and to, or neither')
  .refine(({ from, to }) => from === undefined || to === undefined || from < to, 'from has to be before to');
/** Of a stretch that the client chose: about so many points. */
const POINTS = 150;
const runsQuery = z.strictObject({ days: z.coerce.number().int().min(1).max(366).default(35) });
const MOST_MARKS = 2000;

/** `GET /api/history?range=` or `from=&to=`: what was, in equal stretches, with what held it up and what follows from it. */
export function historyRoute(server: FastifyInstance, { history, status, clock }: Context): void {
  server.get('/api/history', async (request) => {
    const now = clock.now();
    const { from, to, binMs } = stretchOf(parsed(historyQuery, request.query), now);
    const events = await history.events({ names: MARKING, to, limit: MOST_MARKS });
    const { recordings } = await status();
    const lately = (await history.bins(now - HOUR_MS, now, HOUR_MS))[0]?.uploaded ?? 0;
    return {
      seconds: binMs / 1000,
      rows: (await history.bins(from, to, binMs)).map(({ from: begun, ...bin }) => ({
        from: isoTime(begun),
        uploaded: bin.uploaded ?? null,
        failed: bin.failed ?? null,
        bytes: bin.bytes ?? null,
        backlog: bin.backlog ?? null,
        oldestSeconds: bin.oldestSeconds ?? null,
      })),
      marks: marksOf(events)
        .filter(({ until }) => (until ?? now) >= from)
        .map(({ at, until, ...mark }) => ({
          at: isoTime(at),
          until: until === undefined ? null : isoTime(until),
          ...mark,
        })),
      forecast: {
        diskFullSeconds: secondsUntilFull(await history.freeBytesSince(now - DAY_MS)) ?? null,
        backlogDoneSeconds: secondsUntilDone(recordings?.PENDING ?? 0, lately, HOUR_MS) ?? null,
      },
    };
  });
}

/** `GET /api/runs?days=`: the runs of every job. */
export function runsRoute(server: FastifyInstance, { host, clock }: Context): void {
  server.get('/api/runs', async (request) => {
    const { days } = parsed(runsQuery, request.query);
    const runs = await host.runs(clock.now() - days * DAY_MS);
    return {
      rows: runs.map(({ job, by, startedAt, endedAt, outcome, reason }) => ({
        job,
        by,
        at: isoTime(startedAt),
        ms: endedAt === undefined ? null : endedAt - startedAt,
        outcome,
        reason: reason ?? null,
      })),
    };
  });
}

/** From when until when (ms since 1970), and how much is one point. */
interface StretchOfTime {
  readonly from: number;
  readonly to: number;
  readonly binMs: number;
}

function stretchOf({ range, from, to }: z.output<typeof historyQuery>, now: number): StretchOfTime {
  if (from === undefined || to === undefined) {
    const { ms, binMs } = RANGES[range];
    const end = Math.floor(now / binMs) * binMs + binMs;
    return { from: end - ms, to: end, binMs };
  }
  const [begin, end] = [momentOf(from), momentOf(to)];
  const binMs = Math.max(1, Math.ceil((end - begin) / POINTS / MINUTE_MS)) * MINUTE_MS;
  const first = Math.floor(begin / binMs) * binMs;
  return { from: first, to: first + Math.ceil((end - first) / binMs) * binMs, binMs };
}

function momentOf(text: string): number {
  return parseTime(`${text.replace(' ', 'T')}Z`);
}
