import {
  EVENT_BYTES,
  EVENT_COLUMNS,
  MOST_ABOUT,
  MOST_EVENT_BYTES,
  everyBin,
  keptEvent,
  type Bin,
  type EventRecord,
  type History,
  type Minute,
} from '../../../domain/history.ts';
import type { Database } from './database.ts';
import { statement } from './statement.ts';

// Of a site: the counts of a minute are the same whichever of its hosts has noted them; the free room and the events are a host's.

const NOTE_MINUTES = statement(
  `INSERT INTO minutes (site, host, at, uploaded, failed, bytes, backlog, oldest_seconds, free_bytes)
   SELECT $1, $2, new.* FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[]) AS new
   ON CONFLICT (site, host, at) DO UPDATE SET uploaded = excluded.uploaded, failed = excluded.failed, bytes = excluded.bytes,
     backlog = coalesce(excluded.backlog, minutes.backlog), oldest_seconds = coalesce(excluded.oldest_seconds, minutes.oldest_seconds),
     free_bytes = coalesce(excluded.free_bytes, minutes.free_bytes)`,
);
const LAST_MINUTE = statement('SELECT max(at) AS at FROM minutes WHERE site = $1 AND host = $2');
// each host that looked has noted the minute: the one that has seen most of it counts
const BINS = statement(
  `SELECT ((at - $2) / $4)::int AS slot, sum(uploaded)::bigint AS uploaded, sum(failed)::bigint AS failed, sum(bytes)::bigint AS bytes,
     max(backlog) AS backlog, max(oldest_seconds) AS "oldestSeconds"
   FROM (SELECT at, max(uploaded) AS uploaded, max(failed) AS failed, max(bytes) AS bytes, max(backlog) AS backlog,
       max(oldest_seconds) AS oldest_seconds
     FROM minutes WHERE site = $1 AND at >= $2 AND at < $3 GROUP BY at) AS seen
   GROUP BY 1`,
);
const FREE = statement(
  'SELECT at, free_bytes AS "freeBytes" FROM minutes WHERE site = $1 AND host = $2 AND at >= $3 AND free_bytes IS NOT NULL ORDER BY at',
);
const NOTE_EVENTS = statement(
  `INSERT INTO events (site, host, id, at, level, event, role, by, about, fields)
   SELECT $1, $2, new.* FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[]) AS new
   ON CONFLICT (site, host, id) DO NOTHING RETURNING ${EVENT_COLUMNS}`,
);
const LAST_EVENT = statement('SELECT id FROM events WHERE site = $1 AND host = $2 ORDER BY seq DESC LIMIT 1');
const EVENTS = statement(
  `SELECT ${EVENT_COLUMNS} FROM events WHERE site = $1 AND seq < $2 AND at >= $3 AND at < $4
     AND ($5::text[] IS NULL OR level = ANY ($5)) AND ($6::text[] IS NULL OR event = ANY ($6))
     AND ($7::text IS NULL OR position($7 IN event) > 0 OR position($7 IN fields) > 0) AND (NOT $8::boolean OR by IS NOT NULL)
   ORDER BY seq DESC LIMIT $9`,
);
const ABOUT = statement(
  `SELECT ${EVENT_COLUMNS} FROM events WHERE site = $1 AND about = $2 ORDER BY seq LIMIT ${MOST_ABOUT}`,
);
const FORGET_MINUTES = statement('DELETE FROM minutes WHERE site = $1 AND at < $2');
const BYTES = statement(
  `SELECT coalesce(sum(length(fields) + ${EVENT_BYTES}), 0)::bigint AS bytes FROM events WHERE site = $1`,
);
const FORGET_EVENTS = statement(
  `DELETE FROM events WHERE site = $1 AND seq <= (SELECT min(seq) + (max(seq) - min(seq)) / 10 FROM events WHERE site = $1)`,
);

/** In the order of {@link NOTE_MINUTES}. */
const MINUTE_COLUMNS = [
  'at',
  'uploaded',
  'failed',
  'bytes',
  'backlog',
  'oldestSeconds',
  'freeBytes',
] as const satisfies readonly (keyof Minute)[];

type BinRecord = { readonly [K in Exclude<keyof Bin, 'from'>]: number | null } & { readonly slot: number };

/** What was, on all hosts of a site, as `host` notes it; `mostBytes` of the events are kept. */
export function historyMethods(
  db: Pick<Database, 'query'>,
  site: string,
  host: string,
  mostBytes = MOST_EVENT_BYTES,
): History {
  return {
    ...minuteMethods(db, site, host),
    ...eventMethods(db, site, host, mostBytes),
    close: () => undefined,
  };
}

function minuteMethods(
  { query }: Pick<Database, 'query'>,
  site: string,
  host: string,
): Pick<History, 'noteMinutes' | 'lastMinute' | 'bins' | 'freeBytesSince'> {
  return {
    noteMinutes: async (minutes) => {
      await query(NOTE_MINUTES, [
        site,
        host,
        ...MINUTE_COLUMNS.map((column) => minutes.map((minute) => minute[column] ?? null)),
      ]);
    },
    lastMinute: async () =>
      (await query<{ at: number | null }>(LAST_MINUTE, [site, host])).rows[0]?.at ?? undefined,
    bins: async (from, to, binMs) => {
      const { rows } = await query<BinRecord>(BINS, [site, from, to, binMs]);
      return everyBin(from, to, binMs, new Map(rows.map((row) => [row.slot, row])));
    },
    freeBytesSince: async (from) =>
      (await query<{ at: number; freeBytes: number }>(FREE, [site, host, from])).rows,
  };
}

function eventMethods(
  { query }: Pick<Database, 'query'>,
  site: string,
  host: string,
  mostBytes: number,
): Pick<History, 'noteEvents' | 'lastEventId' | 'events' | 'eventsAbout' | 'prune'> {
  return {
    noteEvents: async (events) => {
      const column = <T>(of: (event: (typeof events)[number]) => T): readonly T[] => events.map(of);
      const { rows } = await query<EventRecord>(NOTE_EVENTS, [
        site,
        host,
        column(({ id }) => id),
        column(({ at }) => at),
        column(({ level }) => level),
        column(({ event }) => event),
        column(({ role }) => role),
        column(({ by }) => by ?? null),
        column(({ about }) => about ?? null),
        column(({ fields }) => JSON.stringify(fields)),
      ]);
      return rows.map(keptEvent).toSorted((a, b) => a.seq - b.seq);
    },
    lastEventId: async () => (await query<{ id: string }>(LAST_EVENT, [site, host])).rows[0]?.id,
    events: async ({ limit, before, levels, text, from, to, byPeople, names }) => {
      const end = Number.MAX_SAFE_INTEGER;
      const which = [before ?? end, from ?? 0, to ?? end, levels ?? null, names ?? null, text ?? null];
      const { rows } = await query<EventRecord>(EVENTS, [site, ...which, byPeople === true, limit]);
      return rows.map(keptEvent);
    },
    eventsAbout: async (path) => (await query<EventRecord>(ABOUT, [site, path])).rows.map(keptEvent),
    prune: async (before) => {
      await query(FORGET_MINUTES, [site, before]);
      for (;;) {
        const [sum] = (await query<{ bytes: number }>(BYTES, [site])).rows;
        if ((sum?.bytes ?? 0) <= mostBytes) return;
        await query(FORGET_EVENTS, [site]);
      }
    },
  };
}
