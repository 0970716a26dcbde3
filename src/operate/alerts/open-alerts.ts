import { dirname, join } from 'node:path';
import type { Problem } from '../health/index.ts';
import { openDatabase } from '../../platform/sqlite/index.ts';
import type { Decision, OpenProblem } from './decide.ts';
import type { AlertMessage } from './message.ts';

// Which problems are open, and what has to be told and is not told yet. Both change in one transaction, so that neither a kill nor a
// receiver that is away loses or doubles a message.

/** A message on its way to one receiver. */
export interface Outgoing {
  readonly seq: number;
  readonly message: AlertMessage;
  /** How often it was tried. */
  readonly tries: number;
}

export interface Alerts {
  /**
   * Looks: `next` gets the open problems and returns what becomes of them, and `message` what there is to tell, which is then
   * on its way to each receiver. A receiver that has not had what was told before is spared repetitions. Returns how many were
   * dropped because too many wait.
   */
  look(
    next: (open: readonly OpenProblem[]) => Decision,
    message: (decision: Decision) => AlertMessage,
    receivers: readonly string[],
  ): number;
  /** The oldest message that `receiver` has not had, if its time has come; no other process gets it before `until` (ms since 1970). */
  claim(receiver: string, now: number, until: number): Outgoing | undefined;
  /** It was taken. Safe to repeat. */
  delivered(seq: number): void;
  /** It was not: it is tried again then. */
  failed(seq: number, againAt: number): void;
  /** How many wait. */
  waiting(receiver: string): number;
  close(): void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS open_problems (id TEXT PRIMARY KEY, problem TEXT NOT NULL, seen_at INTEGER NOT NULL, told_at INTEGER, gone_at INTEGER);
  CREATE TABLE IF NOT EXISTS outgoing (seq INTEGER PRIMARY KEY AUTOINCREMENT, receiver TEXT NOT NULL, message TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, again_at INTEGER NOT NULL DEFAULT 0);
  CREATE INDEX IF NOT EXISTS outgoing_by_receiver ON outgoing (receiver, seq);
`;
/** For each receiver; the oldest go first. */
const MOST_WAITING = 5000;

interface OpenRecord {
  readonly problem: string;
  readonly seen_at: number;
  readonly told_at: number | null;
  readonly gone_at: number | null;
}

/** Opens `alerts.db` beside `state.db`, and makes it when it is not there. Throws STATE_UNUSABLE or STATE_DAMAGED. */
export function openAlerts(stateFile: string): Alerts {
  const db = openDatabase(join(dirname(stateFile), 'alerts.db'));
  db.pragma('busy_timeout = 2000');
  db.exec(SCHEMA);
  const readOpen = db.prepare('SELECT * FROM open_problems ORDER BY seen_at, id');
  const forget = db.prepare('DELETE FROM open_problems');
  const note = db.prepare('INSERT INTO open_problems VALUES (?, ?, ?, ?, ?)');
  const enqueue = db.prepare('INSERT INTO outgoing (receiver, message) VALUES (?, ?)');
  const count = db.prepare('SELECT count(*) FROM outgoing WHERE receiver = ?').pluck();
  const drop = db.prepare(
    'DELETE FROM outgoing WHERE seq IN (SELECT seq FROM outgoing WHERE receiver = ? ORDER BY seq LIMIT ?)',
  );
  const oldest = db.prepare(
    'SELECT seq, message, tries, again_at FROM outgoing WHERE receiver = ? ORDER BY seq LIMIT 1',
  );
  const lease = db.prepare(
    'UPDATE outgoing SET again_at = ?, tries = tries + 1 WHERE seq = ? AND again_at = ?',
  );
  const remove = db.prepare('DELETE FROM outgoing WHERE seq = ?');
  const postpone = db.prepare('UPDATE outgoing SET again_at = ? WHERE seq = ?');
  const waiting = (receiver: string): number => count.get(receiver) as number;
  const look = db.transaction((...[next, message, receivers]: Parameters<Alerts['look']>): number => {
    const before = (readOpen.all() as OpenRecord[]).map(openOf);
    const decision = next(before);
    forget.run();
    for (const { problem, seenAt, toldAt = null, goneAt = null } of decision.open)
      note.run(problem.id, JSON.stringify(problem), seenAt, toldAt, goneAt);
    if (decision.news.length === 0) return 0;
    const text = JSON.stringify(message(decision));
    const isRepetition = decision.news.every(({ status }) => status === 'still there');
    let dropped = 0;
    for (const receiver of receivers) {
      const before = waiting(receiver);
      if (isRepetition && before > 0) continue;
      enqueue.run(receiver, text);
      dropped += drop.run(receiver, Math.max(0, before + 1 - MOST_WAITING)).changes;
    }
    return dropped;
  });
  return {
    look: (...args) => look.immediate(...args),
    claim: (receiver, now, until) => {
      const found = oldest.get(receiver) as
        | { seq: number; message: string; tries: number; again_at: number }
        | undefined;
      if (found === undefined || found.again_at > now) return undefined;
      const { seq, tries } = found;
      if (lease.run(until, seq, found.again_at).changes === 0) return undefined;
      return { seq, message: JSON.parse(found.message) as AlertMessage, tries: tries + 1 };
    },
    delivered: (seq) => void remove.run(seq),
    failed: (seq, againAt) => void postpone.run(againAt, seq),
    waiting,
    close: () => db.close(),
  };
}

function openOf({ problem, seen_at, told_at, gone_at }: OpenRecord): OpenProblem {
  return {
    problem: JSON.parse(problem) as Problem,
    seenAt: seen_at,
    toldAt: told_at ?? undefined,
    goneAt: gone_at ?? undefined,
  };
}
