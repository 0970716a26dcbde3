// SQLite as wavspool uses it: its own databases (WAL, durable commits, mode 0600, writes that group themselves), and reading
// those of others without getting in their way.
export {
  asDatabaseFault,
  copyInto,
  copyPinned,
  databaseFault,
  openCopy,
  openForeign,
  pageSize,
  pin,
  settleCopy,
} from './foreign.ts';
export { tryLock, type ExclusiveLock } from './exclusive-lock.ts';
export { groupedWriter, type Write } from './grouped-writer.ts';
export { openDatabase, type Sqlite } from './open.ts';
export { openScratch } from './scratch.ts';
