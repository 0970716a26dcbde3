/** A database back to what it was: checked before, kept before, checked after. Start at restore.ts. */
export { holderInWords, type Holder } from './holders.ts';
export { KEPT, listKept, pruneKept, type Kept } from './kept.ts';
export {
  fileSource,
  restoreDatabase,
  type Fetched,
  type OwnDatabase,
  type Restored,
  type Source,
} from './restore.ts';
