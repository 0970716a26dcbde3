// The record beside each copy: whose it is, when it was made, what it holds. Retention removes on its word and on no other (P12).
// Start at record.ts; doubt.ts decides whether a copy may be what it should be, stored-copy.ts lists and removes.
export { confirmCopies } from './confirm.ts';
export type { ModeChange } from './directory-mode.ts';
export { doubtOf } from './doubt.ts';
export { liveFiles, resolvedPath } from './live.ts';
export { timedName } from './names.ts';
export { originOf } from './origin.ts';
export { noteDamage } from './note-damage.ts';
export { nextCount, publishCopy, type Published } from './publish.ts';
export { isOf, openDoubt, parseRecord, type CopyRecord, type Doubt, type Owner } from './record.ts';
export { recordsIn, recordsOf, removeRecord, sweepRecords, writeRecord } from './records.ts';
export {
  differsFromRecord,
  listCopies,
  openIfThere,
  removeCopies,
  type Place,
  type StoredCopy,
} from './stored-copy.ts';
export { bringTo, directoryFault, openWorkplace, type Opening, type Workplace } from './work.ts';
export { uptimeNow } from './uptime.ts';
