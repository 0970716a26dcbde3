import Database from 'better-sqlite3';
import { messageOf } from '../../domain/faults.ts';
import { serveOffLoop } from '../runtime/index.ts';
import { isDamage, sqliteFault } from './open.ts';

export interface QuickCheck {
  readonly path: string;
}

/** More of them say nothing new of a damaged database. */
const SHOWN = 20;
const BUSY_MS = 5000;

serveOffLoop((job: QuickCheck) => Promise.resolve(check(job)));

function check({ path }: QuickCheck): readonly string[] {
  try {
    // a connection of its own: what another one has cached says nothing of what is on the disk
    const db = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
    try {
      const found = db.pragma(`quick_check(${SHOWN})`) as { quick_check: string }[];
      return found.map((row) => row.quick_check.replaceAll('\n', ' ')).filter((line) => line !== 'ok');
    } finally {
      db.close();
    }
  } catch (error) {
    if (isDamage(error)) return [messageOf(error)]; // damage can keep the check itself from going on
    throw sqliteFault(path, error);
  }
}
