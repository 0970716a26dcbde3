import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { Clock } from '../../../../src/platform/runtime/index.ts';
import { groupedWriter, type Sqlite } from '../../../../src/platform/sqlite/index.ts';

const clock: Clock = { now: () => 0, monotonicMs: () => 0, sleep: () => Promise.resolve() };

/** A database whose COMMIT and ROLLBACK fail as long as `isBroken` says so: a log that cannot be synced. */
function breakable(isBroken: () => boolean): Sqlite {
  const db = new Database(':memory:');
  const fail = (): void => {
    if (isBroken()) throw new Database.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC');
  };
  return new Proxy(db, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'prepare') return value.bind(target) as unknown;
      return (sql: string) => {
        const statement = target.prepare(sql);
        if (sql !== 'COMMIT' && sql !== 'ROLLBACK') return statement;
        return { run: () => (fail(), statement.run()) };
      };
    },
  });
}

/** A writer whose file has its name as long as `moved` says nothing else. */
function writerOn(db: Sqlite, moved: () => 'replaced' | 'removed' | undefined = () => undefined) {
  return groupedWriter(db, '/data/state.db', clock, () => 0, moved);
}

test('a log that cannot be synced fails its group, rollback included, and the next group goes through when it can be', async () => {
  let broken = true;
  const db = breakable(() => broken);
  db.exec('CREATE TABLE t (n INTEGER)');
  const add = db.prepare('INSERT INTO t VALUES (?)');
  const write = writerOn(db);
  await expect(write(() => add.run(1))).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
  await expect(write(() => add.run(2))).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
  broken = false;
  await write(() => add.run(3));
  expect(db.prepare('SELECT n FROM t').pluck().all()).toEqual([3]);
});

test('P1: nothing is written into a file that has lost its name, and writing goes on when it has it again', async () => {
  const db = new Database(':memory:');
  db.exec('CREATE TABLE t (n INTEGER)');
  const add = db.prepare('INSERT INTO t VALUES (?)');
  let moved: 'replaced' | 'removed' | undefined = 'removed';
  const write = writerOn(db, () => moved);
  await expect(write(() => add.run(1))).rejects.toMatchObject({
    code: 'STATE_UNUSABLE',
    message: expect.stringContaining('was removed'),
  });
  moved = 'replaced';
  await expect(write(() => add.run(2))).rejects.toThrow('replaced by another file');
  moved = undefined;
  await write(() => add.run(3));
  expect(db.prepare('SELECT n FROM t').pluck().all()).toEqual([3]);
});

test.each([1, 3])(
  'a change that throws half-way fails alone and leaves nothing behind, %s in the commit',
  async (changes) => {
    const db = new Database(':memory:');
    db.exec('CREATE TABLE t (n INTEGER)');
    const add = db.prepare('INSERT INTO t VALUES (?)');
    const write = writerOn(db);
    const bad = write(() => {
      add.run(-1);
      throw new Error('half-way');
    });
    const others = Array.from({ length: changes - 1 }, (_, n) => write(() => add.run(n)));
    await expect(bad).rejects.toThrow('half-way');
    await Promise.all(others);
    expect(db.inTransaction).toBe(false);
    await write(() => add.run(9));
    expect(db.prepare('SELECT n FROM t').pluck().all()).toEqual([...others.keys(), 9]);
  },
);
