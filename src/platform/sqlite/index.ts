// SQLite as wavspool uses it: its own databases (WAL, durable commits, mode 0600, writes that group themselves), and reading
// those of others without getting in their way.
export { askAssert } from './assert.ts';
export { changeEvidence } from './evidence.ts';
export { takeExclusiveLock, takeSharedLock, type ExclusiveLock } from './exclusive.ts';
export {
  asDatabaseFault,
  copyInto,
  copyPinned,
  databaseFault,
  headerOf,
  isOpenElsewhere,
  journalModeIn,
  journalModeOf,
  openCopy,
  openForeign,
  pageSize,
  pin,
  prepareSqlite,
  consolidateCopy,
  setWalMode,
} from './foreign.ts';
export { groupedWriter, movedFault, type Write } from './grouped-writer.ts';
export { schemaInMemory, schemaOf, type SchemaObject } from './in-memory.ts';
export { checkIntegrity, finishCopy, integrityFaults, lacksOwners, quoted, tablesOf } from './integrity.ts';
export { isDamage, isHostFault, openDatabase, sqliteFault, type Sqlite } from './open.ts';
export { peek } from './peek.ts';
export {
  closeDescriptors,
  openLog,
  pinPages,
  readWalEnd,
  readWalFrames,
  readWalIndex,
  readWalStart,
  type LogSource,
  type OpenLog,
  type PinnedPages,
  type WalEnd,
} from './pinned-pages.ts';
export { quickCheck, quickCheckHere } from './quick-check.ts';
export { openNameless, openScratch } from './scratch.ts';
export { whereabouts } from './whereabouts.ts';
export { type WalFrame, type WalIndex, type WalPosition } from './wal.ts';
