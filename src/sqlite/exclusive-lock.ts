import { chmodSync } from 'node:fs';
import Database from 'better-sqlite3';
import { WavspoolError, messageOf } from '../faults.ts';
import { isBusy } from './open.ts';

/** Held until it is released, or its process ends in whatever way: the kernel drops it then. */
export interface ExclusiveLock {
  release(): void;
}

/**
 * Takes the lock that the file `path` stands for, over all processes of this host; undefined while another holds it. The file
 * is an empty database, made when there is none. Throws STATE_UNUSABLE.
 */
export function tryLock(path: string): ExclusiveLock | undefined {
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { timeout: 0 });
    chmodSync(path, 0o600);
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db?.close();
    if (isBusy(error)) return undefined;
    throw new WavspoolError('STATE_UNUSABLE', `${path} cannot be locked: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const held = db;
  return { release: () => held.close() };
}
