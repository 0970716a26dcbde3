import Database from 'better-sqlite3';

// A database with an invariant that any single state of it keeps, and no mixture of two states does: money moves between
// accounts, their sum stays; every move adds a row to the ledger and 1 to the counter.

const ACCOUNTS = 1000;
const EACH = 1000;

export interface LedgerOptions {
  readonly pageSize?: number;
  readonly journalMode?: 'wal' | 'delete' | 'truncate' | 'persist';
  /** Rows of 1 KiB that nobody touches. */
  readonly fillRows?: number;
}

/** Makes the database; returns the connection. */
export function makeLedger(path: string, options: LedgerOptions = {}): Database.Database {
  const db = new Database(path, { timeout: 10_000 });
  db.pragma(`page_size = ${options.pageSize ?? 4096}`);
  db.pragma(`journal_mode = ${options.journalMode ?? 'wal'}`);
  db.exec(`
    CREATE TABLE accounts(id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
    CREATE TABLE ledger(id INTEGER PRIMARY KEY, source INTEGER, target INTEGER, amount INTEGER, note TEXT);
    CREATE TABLE counter(n INTEGER NOT NULL);
    CREATE TABLE fill(id INTEGER PRIMARY KEY, content BLOB);
    INSERT INTO counter VALUES (0);
    WITH RECURSIVE ids(id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM ids WHERE id < ${ACCOUNTS - 1})
    INSERT INTO accounts SELECT id, ${EACH} FROM ids;
  `);
  if (options.fillRows !== undefined) {
    db.prepare(
      `WITH RECURSIVE ids(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ?)
       INSERT INTO fill SELECT id, randomblob(1000) FROM ids`,
    ).run(options.fillRows);
  }
  return db;
}

/** One move, as a transaction; returns the counter after it. */
export function moveMoney(db: Database.Database, random: () => number = Math.random): number {
  return db
    .transaction(() => {
      const [source, target] = [Math.floor(random() * ACCOUNTS), Math.floor(random() * ACCOUNTS)];
      const amount = 1 + Math.floor(random() * 9);
      const change = db.prepare('UPDATE accounts SET balance = balance + ? WHERE id = ?');
      change.run(-amount, source);
      change.run(amount, target);
      db.prepare('INSERT INTO ledger(source, target, amount, note) VALUES (?, ?, ?, ?)').run(
        source,
        target,
        amount,
        `move of ${amount} ${Math.floor(random() * 1e9)}`,
      );
      return db.prepare('UPDATE counter SET n = n + 1 RETURNING n').pluck().get() as number;
    })
    .immediate();
}

/** What is wrong with a copy, and how many moves it holds. */
export function auditLedger(path: string): { faults: string[]; moves: number } {
  const db = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const moves = db.prepare('SELECT n FROM counter').pluck().get() as number;
    const faults: string[] = [];
    const rows = db.prepare('SELECT count(*) FROM ledger').pluck().get() as number;
    if (rows !== moves) faults.push(`${rows} rows in the ledger, ${moves} counted`);
    const sum = db.prepare('SELECT sum(balance) FROM accounts').pluck().get() as number;
    if (sum !== ACCOUNTS * EACH) faults.push(`the balances add up to ${sum}`);
    const replayed = db.prepare(
      `SELECT count(*) FROM accounts a WHERE balance <> ${EACH}
           + coalesce((SELECT sum(amount) FROM ledger WHERE target = a.id), 0)
           - coalesce((SELECT sum(amount) FROM ledger WHERE source = a.id), 0)`,
    );
    if (moves < 3000 && replayed.pluck().get() !== 0)
      faults.push('the balances are not those that the ledger leads to');
    return { faults, moves };
  } finally {
    db.close();
  }
}
