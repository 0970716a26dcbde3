import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import Database from 'better-sqlite3';

// A database of another program's, and that program.

export interface LedgerShape {
  readonly accounts?: number;
  readonly journalMode?: 'wal' | 'delete';
  readonly pageSize?: number;
}

/** Makes a ledger whose balances sum up to 0, with an index, a foreign key, a trigger and a table without rowid. */
export function makeLedger(
  path: string,
  { accounts = 2000, journalMode = 'wal', pageSize = 4096 }: LedgerShape = {},
): void {
  const db = new Database(path);
  db.pragma(`page_size = ${pageSize}`);
  db.pragma(`journal_mode = ${journalMode}`);
  db.exec(`
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, name TEXT);
    CREATE INDEX accounts_by_name ON accounts (name);
    CREATE TABLE moves (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL);
    CREATE TABLE notes (key TEXT PRIMARY KEY, account REFERENCES accounts (id)) WITHOUT ROWID;
    CREATE TRIGGER no_empty_note BEFORE INSERT ON notes WHEN new.key = '' BEGIN SELECT raise(ABORT, 'empty'); END;
  `);
  const insert = db.prepare('INSERT INTO accounts (balance, name) VALUES (0, ?)');
  db.transaction(() => {
    for (let account = 0; account < accounts; account++)
      insert.run(`${account} ${'x'.repeat(account % 400)}`);
  })();
  db.close();
}

/** What must hold of a ledger at any time: `{ sum: 0, ok: 'ok' }`; and how many moves it has. */
export function readLedger(path: string): { sum: number; moves: number; ok: string } {
  const db = new Database(path, { readonly: true });
  try {
    const sum = db.prepare('SELECT coalesce(sum(balance), 0) FROM accounts').pluck().get() as number;
    const moves = db.prepare('SELECT count(*) FROM moves').pluck().get() as number;
    return { sum, moves, ok: db.pragma('integrity_check', { simple: true }) as string };
  } finally {
    db.close();
  }
}

export interface Writer extends AsyncDisposable {
  readonly process: ChildProcess;
  /** Waits until its time is over. */
  ended(): Promise<{ longestMs: number; commits: number }>;
}

/** Starts the program that writes to the ledger; resolves when it writes. */
export async function startWriter(path: string, commitsPerSecond: number, seconds: number): Promise<Writer> {
  const script = join(import.meta.dirname, 'busy-writer.ts');
  const child = spawn(process.execPath, [script, path, String(commitsPerSecond), String(seconds)], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let printed = '';
  child.stdout?.on('data', (chunk) => (printed += String(chunk)));
  const closed = once(child, 'close');
  await once(child, 'message');
  return {
    process: child,
    ended: async () => {
      await closed;
      return JSON.parse(printed) as { longestMs: number; commits: number };
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await closed;
    },
  };
}
