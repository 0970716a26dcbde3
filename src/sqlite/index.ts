// SQLite as wavspool uses it: WAL, durable commits, mode 0600, and writes that group themselves.
export { groupedWriter, type Write } from './grouped-writer.ts';
export { openDatabase, type Sqlite } from './open.ts';
