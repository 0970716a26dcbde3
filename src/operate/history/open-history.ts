import { dirname, join } from 'node:path';
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
  type KeptEvent,
  type Minute,
  type NewEvent,
} from '../../domain/history.ts';
import { openDatabase, type Sqlite } from '../../platform/sqlite/index.ts';

// In a database of its own beside state.db, whose two tables are a contract.

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS minutes (at INTEGER PRIMARY KEY, uploaded INTEGER NOT NULL, failed INTEGER NOT NULL, bytes INTEGER NOT NULL,
    backlog INTEGER, oldest_seconds INTEGER, free_bytes INTEGER);
  CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, level TEXT NOT NULL,
    event TEXT NOT NULL, role TEXT NOT NULL, by TEXT, about TEXT, fields TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS events_about ON events (about, seq) WHERE about IS NOT NULL;
  CREATE INDEX IF NOT EXISTS events_by ON events (seq) WHERE by IS NOT NULL;
`;

/** Opens `history.db` beside `state.db`, and makes it when it is not there. Throws STATE_UNUSABLE or STATE_DAMAGED. */
export function openHistory(stateFile: string): History {
  const db = openDatabase(join(dirname(stateFile), 'history.db'));
  db.pragma('synchronous = NORMAL'); // the last second may go with a power cut: it is no proof of anything
  db.pragma('busy_timeout = 2000');
  db.exec(SCHEMA);
  return { ...minuteMethods(db), ...eventMethods(db), prune: pruner(db), close: () => db.close() };
}

type BinRecord = { [K in keyof Bin]: number | null } & { readonly slot: number };

function minuteMethods(db: Sqlite): Pick<History, 'noteMinutes' | 'lastMinute' | 'bins' | 'freeBytesSince'> {
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
  // one commit: each would write its page of the log again
  const note = db.transaction((minutes: readonly Minute[]) => {
    for (const { backlog = null, oldestSeconds = null, freeBytes = null, ...rest } of minutes)
      insert.run({ ...rest, backlog, oldestSeconds, freeBytes } satisfies Record<string, number | null>);
  });
  return {
    noteMinutes: async (minutes) => note(minutes),
    lastMinute: async () => (last.get() as number | null) ?? undefined,
    bins: async (from, to, binMs) => {
      const records = summed.all({ from, to, binMs }) as BinRecord[];
      return everyBin(from, to, binMs, new Map(records.map((record) => [record.slot, record])));
    },
    freeBytesSince: async (from) => free.all(from) as { at: number; freeBytes: number }[],
  };
}

function eventMethods(db: Sqlite): Pick<History, 'noteEvents' | 'lastEventId' | 'events' | 'eventsAbout'> {
  const insert = db.prepare(
    `INSERT OR IGNORE INTO events (id, at, level, event, role, by, about, fields)
     VALUES (@id, @at, @level, @event, @role, @by, @about, @fields)`,
  );
  const last = db.prepare('SELECT id FROM events ORDER BY seq DESC LIMIT 1').pluck();
  const about = db.prepare(
    `SELECT ${EVENT_COLUMNS} FROM events WHERE about = ? ORDER BY seq LIMIT ${MOST_ABOUT}`,
  );
  const page = db.prepare(
    `SELECT ${EVENT_COLUMNS} FROM events WHERE seq < @before AND at >= @from AND at < @to
       AND (@levels IS NULL OR level IN (SELECT value FROM json_each(@levels)))
       AND (@names IS NULL OR event IN (SELECT value FROM json_each(@names)))
       AND (@text IS NULL OR instr(event, @text) > 0 OR instr(fields, @text) > 0)
       AND (@byPeople = 0 OR by IS NOT NULL)
     ORDER BY seq DESC LIMIT @limit`,
  );
  const note = db.transaction((events: readonly NewEvent[]): readonly KeptEvent[] =>
    events.flatMap(({ about, ...one }) => {
      const record = { ...one, by: one.by ?? null, about: about ?? null, fields: JSON.stringify(one.fields) };
      const { changes, lastInsertRowid } = insert.run(record);
      return changes === 0 ? [] : { seq: Number(lastInsertRowid), ...one };
    }),
  );
  return {
    noteEvents: async (events) => note(events),
    lastEventId: async () => last.get() as string | undefined,
    events: async ({ limit, before, levels, text, from, to, byPeople, names }) =>
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
      ).map(keptEvent),
    eventsAbout: async (path) => (about.all(path) as EventRecord[]).map(keptEvent),
  };
}

function pruner(db: Sqlite): History['prune'] {
  const minutes = db.prepare('DELETE FROM minutes WHERE at < ?');
  const bytes = db.prepare(`SELECT coalesce(sum(length(fields) + ${EVENT_BYTES}), 0) FROM events`).pluck();
  const oldest = db.prepare(
    'DELETE FROM events WHERE seq <= (SELECT min(seq) + (max(seq) - min(seq)) / 10 FROM events)',
  );
  return async (before) => {
    minutes.run(before);
    while ((bytes.get() as number) > MOST_EVENT_BYTES) oldest.run();
  };
}
