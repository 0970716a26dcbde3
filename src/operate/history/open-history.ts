import { dirname, join } from 'node:path';
import type { LoggedEvent } from '../../platform/log/index.ts';
import { openDatabase, type Sqlite } from '../../platform/sqlite/index.ts';

// What was, for people: figures by minute, and what was reported and who did what. In a database of its own beside state.db, whose
// two tables are a contract. Losing it loses no recording and no proof.

/** The figures of one minute; undefined: nobody looked. */
export interface Minute {
  /** ms since 1970, a whole minute. */
  readonly at: number;
  readonly uploaded: number;
  readonly failed: number;
  readonly bytes: number;
  /** As they were when the minute was looked at; undefined in one that was filled in later. */
  readonly backlog: number | undefined;
  readonly oldestSeconds: number | undefined;
  readonly freeBytes: number | undefined;
}

/** Minutes together. */
export interface Bin {
  readonly from: number;
  readonly uploaded: number | undefined;
  readonly failed: number | undefined;
  readonly bytes: number | undefined;
  readonly backlog: number | undefined;
  readonly oldestSeconds: number | undefined;
}

/** An event as it is kept. */
export interface KeptEvent {
  /** Its place in the order in which they came. */
  readonly seq: number;
  readonly id: string;
  readonly at: number;
  readonly level: string;
  readonly event: string;
  readonly role: string;
  /** Who did it, where somebody did. */
  readonly by: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface EventQuery {
  readonly limit: number;
  /** Only those before it in the order in which they came. */
  readonly before?: number | undefined;
  readonly levels?: readonly string[] | undefined;
  /** A part of its name or of what it says. */
  readonly text?: string | undefined;
  /** ms since 1970. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly byPeople?: boolean | undefined;
  readonly names?: readonly string[] | undefined;
}

export interface History {
  noteMinute(minute: Minute): void;
  /** The newest minute that is known, ms since 1970. */
  lastMinute(): number | undefined;
  /** Minutes from then on and before then, `binMs` of them in each; what nobody looked at is undefined, not 0. */
  bins(from: number, to: number, binMs: number): readonly Bin[];
  /** The minutes with figures of the disk from then on, for what follows from them. */
  freeBytesSince(from: number): readonly { readonly at: number; readonly freeBytes: number }[];
  /** Safe to repeat. Returns those that were new, in their order. */
  noteEvents(events: readonly LoggedEvent[]): readonly KeptEvent[];
  lastEventId(): string | undefined;
  /** The newest first. */
  events(query: EventQuery): readonly KeptEvent[];
  /** What was reported of a recording or a tar, the oldest first, at most 200. */
  eventsAbout(path: string): readonly KeptEvent[];
  /** Forgets minutes before then (ms since 1970) and, of the events, the oldest beyond the limit. */
  prune(before: number): void;
  close(): void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS minutes (at INTEGER PRIMARY KEY, uploaded INTEGER NOT NULL, failed INTEGER NOT NULL, bytes INTEGER NOT NULL,
    backlog INTEGER, oldest_seconds INTEGER, free_bytes INTEGER);
  CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, level TEXT NOT NULL,
    event TEXT NOT NULL, role TEXT NOT NULL, by TEXT, about TEXT, fields TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS events_about ON events (about, seq) WHERE about IS NOT NULL;
  CREATE INDEX IF NOT EXISTS events_by ON events (seq) WHERE by IS NOT NULL;
`;
/** Of the events' text together. */
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_FIELDS_BYTES = 8192;
const MOST_ABOUT = 200;

/** Opens `history.db` beside `state.db`, and makes it when it is not there. Throws STATE_UNUSABLE or STATE_DAMAGED. */
export function openHistory(stateFile: string): History {
  const db = openDatabase(join(dirname(stateFile), 'history.db'));
  db.pragma('synchronous = NORMAL'); // the last second may go with a power cut: it is no proof of anything
  db.pragma('busy_timeout = 2000');
  db.exec(SCHEMA);
  return { ...minuteMethods(db), ...eventMethods(db), prune: pruner(db), close: () => db.close() };
}

type BinRecord = { [K in keyof Bin]: number | null } & { readonly slot: number };

function minuteMethods(db: Sqlite): Pick<History, 'noteMinute' | 'lastMinute' | 'bins' | 'freeBytesSince'> {
  const insert = db.prepare(
    `INSERT INTO minutes VALUES (@at, @uploaded, @failed, @bytes, @backlog, @oldestSeconds, @freeBytes)
     ON CONFLICT (at) DO UPDATE SET uploaded = excluded.uploaded, failed = excluded.failed, bytes = excluded.bytes,
       backlog = coalesce(excluded.backlog, backlog), oldest_seconds = coalesce(excluded.oldest_seconds, oldest_seconds),
       free_bytes = coalesce(excluded.free_bytes, free_bytes)`,
  );
  const last = db.prepare('SELECT max(at) FROM minutes').pluck();
  const summed = db.prepare(
    `SELECT CAST((at - @from) / @binMs AS INTEGER) AS slot, sum(uploaded) AS uploaded, sum(failed) AS failed, sum(bytes) AS bytes,
       max(backlog) AS backlog, max(oldest_seconds) AS oldestSeconds
     FROM minutes WHERE at >= @from AND at < @to GROUP BY 1`,
  );
  const free = db.prepare(
    'SELECT at, free_bytes AS freeBytes FROM minutes WHERE at >= ? AND free_bytes IS NOT NULL ORDER BY at',
  );
  return {
    noteMinute: ({ backlog = null, oldestSeconds = null, freeBytes = null, ...rest }) => {
      insert.run({ ...rest, backlog, oldestSeconds, freeBytes } satisfies Record<string, number | null>);
    },
    lastMinute: () => (last.get() as number | null) ?? undefined,
    bins: (from, to, binMs) => {
      const records = new Map(
        (summed.all({ from, to, binMs }) as BinRecord[]).map((record) => [record.slot, record]),
      );
      return Array.from({ length: Math.ceil((to - from) / binMs) }, (_, slot) => {
        const found = records.get(slot);
        return {
          from: from + slot * binMs,
          uploaded: found?.uploaded ?? undefined,
          failed: found?.failed ?? undefined,
          bytes: found?.bytes ?? undefined,
          backlog: found?.backlog ?? undefined,
          oldestSeconds: found?.oldestSeconds ?? undefined,
        };
      });
    },
    freeBytesSince: (from) => free.all(from) as { at: number; freeBytes: number }[],
  };
}

interface EventRecord {
  readonly seq: number;
  readonly id: string;
  readonly at: number;
  readonly level: string;
  readonly event: string;
  readonly role: string;
  readonly by: string | null;
  readonly fields: string;
}

function eventMethods(db: Sqlite): Pick<History, 'noteEvents' | 'lastEventId' | 'events' | 'eventsAbout'> {
  const insert = db.prepare(
    `INSERT OR IGNORE INTO events (id, at, level, event, role, by, about, fields)
     VALUES (@id, @at, @level, @event, @role, @by, @about, @fields)`,
  );
  const last = db.prepare('SELECT id FROM events ORDER BY seq DESC LIMIT 1').pluck();
  const about = db.prepare(`SELECT * FROM events WHERE about = ? ORDER BY seq LIMIT ${MOST_ABOUT}`);
  const page = db.prepare(
    `SELECT * FROM events WHERE seq < @before AND at >= @from AND at < @to
       AND (@levels IS NULL OR level IN (SELECT value FROM json_each(@levels)))
       AND (@names IS NULL OR event IN (SELECT value FROM json_each(@names)))
       AND (@text IS NULL OR instr(event, @text) > 0 OR instr(fields, @text) > 0)
       AND (@byPeople = 0 OR by IS NOT NULL)
     ORDER BY seq DESC LIMIT @limit`,
  );
  const note = db.transaction((events: readonly LoggedEvent[]): readonly KeptEvent[] =>
    events.flatMap((one) => {
      const { changes, lastInsertRowid } = insert.run(recordOf(one));
      if (changes === 0) return [];
      const { id, at, level, event, role, fields } = one;
      return { seq: Number(lastInsertRowid), id, at, level, event, role, by: whoOf(fields), fields };
    }),
  );
  return {
    noteEvents: (events) => note(events),
    lastEventId: () => last.get() as string | undefined,
    events: ({ limit, before, levels, text, from, to, byPeople, names }) =>
      (
        page.all({
          limit,
          before: before ?? Number.MAX_SAFE_INTEGER,
          from: from ?? 0,
          to: to ?? Number.MAX_SAFE_INTEGER,
          levels: levels === undefined ? null : JSON.stringify(levels),
          names: names === undefined ? null : JSON.stringify(names),
          text: text ?? null,
          byPeople: byPeople === true ? 1 : 0,
        }) as EventRecord[]
      ).map(kept),
    eventsAbout: (path) => (about.all(path) as EventRecord[]).map(kept),
  };
}

function recordOf({ id, at, level, event, role, fields }: LoggedEvent) {
  const { recording, tar } = fields;
  const about = typeof recording === 'string' ? recording : typeof tar === 'string' ? tar : null;
  const text = JSON.stringify(fields);
  // a stack or a list of names may be long; what it begins with says what it was
  const short =
    text.length > MOST_FIELDS_BYTES ? JSON.stringify({ shortened: text.slice(0, MOST_FIELDS_BYTES) }) : text;
  return { id, at, level, event, role, by: whoOf(fields) ?? null, about, fields: short };
}

/** Programs of wavspool's own say `by` too: those are no people. */
const NOBODY = new Set(['event', 'rescan', 'schedule', 'the end of its time']);

function whoOf({ by }: LoggedEvent['fields']): string | undefined {
  return typeof by === 'string' && !NOBODY.has(by) ? by : undefined;
}

function kept({ by, fields, ...record }: EventRecord): KeptEvent {
  const { seq, id, at, level, event, role } = record;
  return {
    seq,
    id,
    at,
    level,
    event,
    role,
    by: by ?? undefined,
    fields: JSON.parse(fields) as KeptEvent['fields'],
  };
}

function pruner(db: Sqlite): History['prune'] {
  const minutes = db.prepare('DELETE FROM minutes WHERE at < ?');
  const bytes = db.prepare('SELECT coalesce(sum(length(fields) + 120), 0) FROM events').pluck();
  const oldest = db.prepare(
    'DELETE FROM events WHERE seq <= (SELECT min(seq) + (max(seq) - min(seq)) / 10 FROM events)',
  );
  return (before) => {
    minutes.run(before);
    while ((bytes.get() as number) > MOST_BYTES) oldest.run();
  };
}
