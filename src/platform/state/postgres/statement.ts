/** SQL that a connection prepares once, by this name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

let made = 0;

/** `text` with `$1`, `$2`, … for its values; columns are named in it, for `*` would not outlive a migration. */
export function statement(text: string): Statement {
  made += 1;
  return { name: `wavspool ${made}`, text };
}

/** Now, by the clock of the database: the hosts' clocks differ. */
export const NOW = "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')";

/** Rows as PostgreSQL gives them, and how many a change changed. */
export interface Answer<T> {
  readonly rows: T[];
  readonly changed: number;
}

/** Runs a statement; the shape of its rows is what the caller says. */
export type Query = <T>(statement: Statement, values: readonly unknown[]) => Promise<Answer<T>>;
