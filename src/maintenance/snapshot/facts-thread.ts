import { serveOffLoop } from '../../platform/runtime/index.ts';
import { journalModeIn, openCopy, openForeign, pin } from '../../platform/sqlite/index.ts';
import { readFacts } from './check-database.ts';

export interface FactsJob {
  readonly path: string;
  /** Whether it is a database that its program may be writing to. */
  readonly isLive: boolean;
}

export interface DatabaseFacts {
  /** Of each table. */
  readonly rows: Readonly<Record<string, number>>;
  readonly journalMode: string;
}

serveOffLoop(({ path, isLive }: FactsJob): Promise<DatabaseFacts> => {
  const db = isLive ? openForeign(path) : openCopy(path);
  try {
    const journalMode = journalModeIn(db);
    if (isLive) pin(db);
    return Promise.resolve({ rows: readFacts(db, []).rows, journalMode });
  } finally {
    db.close();
  }
});
