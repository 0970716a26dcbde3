import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { MARKING, marksOf, secondsUntilDone, secondsUntilFull } from '../../operate/history/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import type { Context } from '../context.ts';
import { parsed } from '../input.ts';

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

const historyQuery = z.strictObject({ range: z.enum(['1h', '24h', '7d', '30d']).default('24h') });
const runsQuery = z.strictObject({ days: z.coerce.number().int().min(1).max(366).default(35) });
const MOST_MARKS = 2000;

/**
 * `GET /api/history?range=`: what was, in equal stretches, with what held it up and what follows from it. `GET /api/runs?days=`: the
 * runs of every job.
 */
export function historyRoutes(server: FastifyInstance, { history, host, status, clock }: Context): void {
  server.get('/api/history', async (request) => {
    const { ms, binMs } = RANGES[parsed(historyQuery, request.query).range];
    const now = clock.now();
    const to = Math.floor(now / binMs) * binMs + binMs;
    const from = to - ms;
    const events = history.events({ names: MARKING, from, limit: MOST_MARKS });
    const { recordings } = await status();
    const lately = history.bins(now - HOUR_MS, now, HOUR_MS)[0]?.uploaded ?? 0;
    return {
      seconds: binMs / 1000,
      rows: history.bins(from, to, binMs).map(({ from: begun, ...bin }) => ({
        from: isoTime(begun),
        uploaded: bin.uploaded ?? null,
        failed: bin.failed ?? null,
        bytes: bin.bytes ?? null,
        backlog: bin.backlog ?? null,
        oldestSeconds: bin.oldestSeconds ?? null,
      })),
      marks: marksOf(events).map(({ at, until, ...mark }) => ({
        at: isoTime(at),
        until: until === undefined ? null : isoTime(until),
        ...mark,
      })),
      forecast: {
        diskFullSeconds: secondsUntilFull(history.freeBytesSince(now - DAY_MS)) ?? null,
        backlogDoneSeconds: secondsUntilDone(recordings?.PENDING ?? 0, lately, HOUR_MS) ?? null,
      },
    };
  });
  server.get('/api/runs', (request) => {
    const { days } = parsed(runsQuery, request.query);
    return {
      rows: host
        .runs(clock.now() - days * DAY_MS)
        .map(({ job, by, startedAt, endedAt, outcome, reason }) => ({
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
