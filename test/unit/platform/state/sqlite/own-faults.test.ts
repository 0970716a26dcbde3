import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { faultCode, type FaultCode } from '../../../../../src/domain/faults.ts';
import { asPart, faultGuard } from '../../../../../src/platform/state/sqlite/own-faults.ts';
import type { Clock } from '../../../../../src/platform/runtime/index.ts';

const clock: Clock = { now: () => 1000, monotonicMs: () => 0, sleep: () => Promise.resolve() };

const failing = (code: string): never => {
  throw new Database.SqliteError('it failed', code);
};

function* rows(code: string): Generator<number> {
  yield 1;
  failing(code);
}

/** A part with a method of each shape that the ledger's have. */
interface Part {
  read(): Promise<number>;
  write(): Promise<void>;
  walk(): AsyncIterable<number>;
  list(): Promise<Pick<Part, 'walk' | 'read'>>;
}

/** The part, `code` being what SQLite says, and a write that succeeds. */
function guarded(code: string) {
  const guard = faultGuard('/data/state.db', clock);
  const walk = (): Generator<number> => rows(code);
  const part = asPart<Part>(
    {
      read: () => failing(code),
      write: (): Promise<void> => Promise.reject(new Database.SqliteError('it failed', code)),
      *walk() {
        yield* walk();
      },
      list: () => ({
        read: () => failing(code),
        *walk() {
          yield* walk();
        },
      }),
    },
    guard,
  );
  return { part, trouble: guard.trouble, works: guard.writing((change) => Promise.resolve(change())) };
}

async function codeOf(act: () => unknown): Promise<FaultCode | 'none'> {
  try {
    await act();
    return 'none';
  } catch (error) {
    return faultCode(error);
  }
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
  const { part } = guarded(code);
  const list = await part.list();
  const acts = [
    () => part.read(),
    () => part.write(),
    () => Array.fromAsync(part.walk()),
    () => list.read(),
    () => Array.fromAsync(list.walk()),
  ];
  expect(await Promise.all(acts.map(codeOf))).toEqual(acts.map(() => fault));
});

test('what could not be written is remembered until something is written again, whatever can be read meanwhile', async () => {
  const { part, trouble, works } = guarded('SQLITE_IOERR_FSYNC');
  expect(trouble()).toBeUndefined();
  await codeOf(() => part.write());
  await part.list();
  expect(trouble()).toEqual({ code: 'STATE_UNUSABLE', message: '/data/state.db: it failed', since: 1000 });
  expect(await works(() => 1)).toBe(1);
  expect(trouble()).toBeUndefined();
});

test('damage stays: a write elsewhere in the file does not mend it', async () => {
  const { part, trouble, works } = guarded('SQLITE_CORRUPT');
  await codeOf(() => part.read());
  await works(() => 1);
  expect(trouble()?.code).toBe('STATE_DAMAGED');
});
