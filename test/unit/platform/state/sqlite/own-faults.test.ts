import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { faultCode, type FaultCode } from '../../../../../src/domain/faults.ts';
import { guardFaults, type Guarded } from '../../../../../src/platform/state/sqlite/own-faults.ts';
import type { Clock } from '../../../../../src/platform/runtime/index.ts';

const clock: Clock = { now: () => 1000, monotonicMs: () => 0, sleep: () => Promise.resolve() };

const failing = (code: string): never => {
  throw new Database.SqliteError('it failed', code);
};

function* rows(code: string): Generator<number> {
  yield 1;
  failing(code);
}

/** Methods of each shape that the state store has; `code` is what SQLite says. */
function methods(code: string) {
  return {
    read: () => failing(code),
    write: (): Promise<void> => Promise.reject(new Database.SqliteError('it failed', code)),
    works: (): Promise<number[]> => Promise.resolve([1]),
    walk: () => rows(code),
    begin: () => ({ stage: () => failing(code), all: () => rows(code) }),
  };
}

async function codeOf(act: () => unknown): Promise<FaultCode | 'none'> {
  try {
    await act();
    return 'none';
  } catch (error) {
    return faultCode(error);
  }
}

function guarded(code: string): Guarded<ReturnType<typeof methods>> {
  return guardFaults(methods(code), '/data/state.db', clock);
}

test.each<[string, FaultCode]>([
  ['SQLITE_CORRUPT_VTAB', 'STATE_DAMAGED'],
  ['SQLITE_NOTADB', 'STATE_DAMAGED'],
  ['SQLITE_FULL', 'DISK_FULL'],
  ['SQLITE_IOERR_FSYNC', 'STATE_UNUSABLE'],
  ['SQLITE_READONLY', 'STATE_UNUSABLE'],
  ['SQLITE_BUSY_SNAPSHOT', 'STATE_BUSY'],
  // the statement or its values are at fault: that is a bug, and no disk's
  ['SQLITE_CONSTRAINT_NOTNULL', 'UNKNOWN'],
])('%s is %s, from every shape of method', async (code, fault) => {
  const { methods: store } = guarded(code);
  const extraction = store.begin();
  const acts = [
    () => store.read(),
    () => store.write(),
    () => [...store.walk()],
    () => extraction.stage(),
    () => [...extraction.all()],
  ];
  expect(await Promise.all(acts.map(codeOf))).toEqual(acts.map(() => fault));
});

test('what could not be written is remembered until something is written again', async () => {
  const { methods: store, trouble } = guarded('SQLITE_IOERR_FSYNC');
  expect(trouble()).toBeUndefined();
  await codeOf(() => store.write());
  expect(trouble()).toEqual({ code: 'STATE_UNUSABLE', message: '/data/state.db: it failed', since: 1000 });
  expect(await store.works()).toEqual([1]);
  expect(trouble()).toBeUndefined();
});

test('damage stays: a write elsewhere in the file does not mend it', async () => {
  const { methods: store, trouble } = guarded('SQLITE_CORRUPT');
  await codeOf(() => store.read());
  await store.works();
  expect(trouble()?.code).toBe('STATE_DAMAGED');
});
