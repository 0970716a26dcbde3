// What only Linux offers: work on descriptors where others may write (P13), and who has a file open.
export {
  at,
  mayBeChangedByOthers,
  openBelow,
  openDirectory,
  syncedIn,
  withDirectory,
  type Directory,
} from './directory.ts';
export { DIRECTORY_ID, ensureDirectoryId, readDirectoryId } from './directory-id.ts';
export { guardDirectory, type DirectoryGuard } from './directory-guard.ts';
export { hostId } from './host-id.ts';
export { identityAt, identityOf, type FileIdentity } from './file-identity.ts';
export { isKnownPlace, notePlace, requirePlace, whyAway } from './known-places.ts';
export { isGone, ownIdentity } from './process-identity.ts';
export { openFileBelow, openFileBelowNow } from './open-file-below.ts';
export { chmodAsNamed, openedAsNamed } from './opened-as-named.ts';
export { openPlainIn, readPlainIn } from './plain-file.ts';
export { pointSymlink } from './point-symlink.ts';
export { removeIn, removeTree } from './remove-tree.ts';
export { seenBelow } from './seen-below.ts';
export { FIRST_DESCRIPTOR, runAs, type RunAs } from './run-as.ts';
export { createSyncShell, syncByProgram, type SyncFileSystem } from './sync-file-system.ts';
export { seesEveryProcess, whoHasOpen, type Opener } from './who-has-open.ts';
export { isLockedByOthers } from './who-has-locked.ts';
export { chooseWorker, isExposed, workerOf, type User } from './worker-of.ts';
