import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  linkSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../../../src/platform/sqlite/open.ts';

const NOBODY = 65_534;
const asRoot = test.runIf(process.geteuid?.() === 0);
let directory: string;
const at = (name: string): string => join(directory, name);
const modeOf = (name: string): string => (statSync(at(name)).mode & 0o777).toString(8);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wavspool-open-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('P9: a database is made for its owner alone, and one that others could read is made private, its log too', () => {
  openDatabase(at('made.db')).close();
  expect(modeOf('made.db')).toBe('600');
  writeFileSync(at('open.db'), '', { mode: 0o644 });
  const db = openDatabase(at('open.db'));
  db.exec('CREATE TABLE t(x)');
  expect(['open.db', 'open.db-wal', 'open.db-shm'].map(modeOf)).toEqual(['600', '600', '600']);
  chmodSync(at('open.db-wal'), 0o644);
  openDatabase(at('open.db')).close();
  expect(modeOf('open.db-wal')).toBe('600');
  db.exec('INSERT INTO t VALUES (1)'); // no lock of it was dropped
  db.close();
});

test('a database that another program is just beginning is waited for', async () => {
  const beginner = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const db = new (require('better-sqlite3'))(workerData);
     db.exec('BEGIN IMMEDIATE; CREATE TABLE of_its_own(x)');
     parentPort.postMessage('begun');
     setTimeout(() => db.exec('COMMIT').close(), 200);`,
    { eval: true, workerData: at('both.db') },
  );
  await once(beginner, 'message');
  const db = openDatabase(at('both.db')); // SQLite says SQLITE_BUSY to this at once, whatever its timeout
  expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
  expect(db.prepare('SELECT name FROM sqlite_schema').pluck().all()).toEqual(['of_its_own']);
  db.close();
  await beginner.terminate();
});

asRoot('P13: as root a link of somebody else’s leads to no database and to no mode of another file', () => {
  mkdirSync(at('secret'), { mode: 0o700 });
  writeFileSync(at('secret/plain'), 'of root', { mode: 0o644 });
  new Database(at('secret/its.db')).exec('CREATE TABLE t(x)').close();
  const before = statSync(at('secret/its.db'), { bigint: true });
  mkdirSync(at('data'));
  chownSync(at('data'), NOBODY, NOBODY);
  const link = (target: string, name: string): void => {
    symlinkSync(at(target), at(name));
    lchownSync(at(name), NOBODY, NOBODY);
  };
  for (const plant of [
    () => link('secret/its.db', 'data/state.db'),
    () => linkSync(at('secret/its.db'), at('data/state.db')),
    () => link('secret/plain', 'data/state.db-wal'),
    () => {
      rmSync(at('data'), { recursive: true });
      mkdirSync(at('home'));
      chownSync(at('home'), NOBODY, NOBODY);
      link('secret', 'home/data');
    },
  ]) {
    plant();
    const path = at(
      statSync(at('data'), { throwIfNoEntry: false }) === undefined ? 'home/data/its.db' : 'data/state.db',
    );
    expect(() => openDatabase(path)).toThrow(expect.objectContaining({ code: 'PATH_UNSAFE' }));
    expect(modeOf('secret/plain')).toBe('644');
    const { mode, mtimeNs } = statSync(at('secret/its.db'), { bigint: true });
    expect([mode, mtimeNs]).toEqual([before.mode, before.mtimeNs]);
    for (const name of ['data/state.db', 'data/state.db-wal']) rmSync(at(name), { force: true });
  }
});
