import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, statSync, utimesSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { fullBackupRules } from '../../src/maintenance/point-in-time/archive/chain.ts';
import {
  capture,
  listPoints,
  restorePoint,
  verifyPoints,
} from '../../src/maintenance/point-in-time/index.ts';
import { pinPages, takeExclusiveLock } from '../../src/platform/sqlite/index.ts';
import { auditLedger, makeLedger, moveMoney, type LedgerOptions } from '../support/ledger.ts';
import { contentHash, copyHash, NEVER, pointsRig, startWriter } from '../support/points.ts';
import { until } from '../support/ports.ts';

const MINUTE_MS = 60_000;
/** More of them find more: WAVSPOOL_KILLS=500. */
const KILLS = Number(process.env['WAVSPOOL_KILLS'] ?? 20);

describe('every captured state is brought back page by page', () => {
  test.each<LedgerOptions>([
    { pageSize: 1024, journalMode: 'wal' },
    { pageSize: 4096, journalMode: 'delete' },
    { pageSize: 4096, journalMode: 'wal' },
    { pageSize: 16_384, journalMode: 'truncate' },
    { pageSize: 65_536, journalMode: 'wal' },
    { pageSize: 65_536, journalMode: 'delete' },
  ])('%j: growing, shrinking, VACUUM, a checkpoint, a new base', async (options) => {
    await using rig = await pointsRig();
    const db = makeLedger(rig.path, { ...options, fillRows: 500 });
    const steps: (() => void)[] = [
      () => undefined,
      () => void moveMoney(db),
      () => void db.exec('INSERT INTO fill SELECT id + 1000, randomblob(1000) FROM fill'),
      () => void db.exec('DELETE FROM fill WHERE id % 3 = 0'),
      () => void db.exec('VACUUM'),
      () => void db.pragma('wal_checkpoint(TRUNCATE)'),
      () => void db.exec('DELETE FROM fill; VACUUM'),
      () => Array.from({ length: 300 }, () => moveMoney(db)),
      () => void db.exec('CREATE TABLE later AS SELECT * FROM accounts; DROP TABLE fill'),
    ];
    const states: { at: number; hash: string }[] = [];
    for (const [index, step] of steps.entries()) {
      step();
      rig.pass(MINUTE_MS);
      const { at, fullBackup } = await rig.capture(index === 5 ? { everyMs: 0 } : {});
      if (index === 7) expect(fullBackup).toBeUndefined();
      states.push({ at, hash: await copyHash(rig) });
    }
    for (const { at, hash } of states) {
      const restored = await rig.restore(at + 1);
      expect(restored.faults).toEqual([]);
      expect(await contentHash(restored.path)).toBe(hash);
      expect(auditLedger(restored.path).faults).toEqual([]);
    }
    db.close();
  });

  test('a database whose page size changed begins a new line', async () => {
    await using rig = await pointsRig();
    const db = makeLedger(rig.path, { pageSize: 4096, journalMode: 'delete' });
    const first = await rig.capture();
    db.pragma('page_size = 16384');
    db.exec('VACUUM');
    rig.pass(MINUTE_MS);
    const second = await rig.capture();
    expect(second.fullBackup).toBe('the page size changed');
    db.close();
    for (const { at } of [first, second]) {
      const restored = await rig.restore(at);
      expect([restored.at, restored.faults]).toEqual([at, []]);
      expect(auditLedger(restored.path).faults).toEqual([]);
    }
  });
});

describe('the pages of a live database', () => {
  test.each(['wal', 'delete'] as const)(
    'are those of one state while another process writes as fast as it can (%s)',
    async (journalMode) => {
      await using rig = await pointsRig();
      makeLedger(rig.path, { journalMode, fillRows: 300 }).close();
      await using writer = startWriter(rig.path, journalMode === 'wal' ? 0 : 200);
      await until('the writer writes', () => writer.seen.length > 0);
      let last = 0;
      for (let round = 0; round < 25; round += 1) {
        const pinned = pinPages(rig.path);
        const copy = rig.newPath();
        const file = openSync(copy, 'w');
        for await (const lot of pinned.pages(NEVER)) {
          for (const numbered of lot) {
            writeSync(file, numbered, 4, pinned.pageSize, (numbered.readUInt32BE(0) - 1) * pinned.pageSize);
          }
        }
        pinned.release();
        closeSync(file);
        // a copy of a database in WAL mode is one itself
        const { faults, moves } = auditLedger(copy);
        expect(faults).toEqual([]);
        expect(moves).toBeGreaterThanOrEqual(last);
        last = moves;
      }
      expect(last).toBeGreaterThan(0);
    },
  );
});

test('when nothing changed nothing is read or stored, and the recoverable range grows', async () => {
  await using rig = await pointsRig();
  makeLedger(rig.path).close();
  const longAgo = Date.now() / 1000 - 10;
  utimesSync(rig.path, longAgo, longAgo);
  await rig.capture();
  const before = readdirSync(rig.directory);
  rig.pass(MINUTE_MS);
  const again = await rig.capture();
  expect(again).toMatchObject({ captured: false, pinnedMs: 0, storedBytes: 0 });
  expect(readdirSync(rig.directory)).toEqual(before);
  const { to } = await listPoints(rig.database);
  expect(to).toBe(again.at);
  const restored = await rig.restore(again.at);
  expect(auditLedger(restored.path).faults).toEqual([]);
});

test('a change within the same tick of the file system’s clock is not overlooked', async () => {
  await using rig = await pointsRig();
  const db = makeLedger(rig.path, { journalMode: 'delete' });
  for (let round = 0; round < 20; round += 1) {
    moveMoney(db);
    rig.pass(MINUTE_MS);
    expect((await rig.capture()).captured).toBe(true);
  }
  db.close();
});

test('what is stored grows with what changed, not with the database', async () => {
  await using rig = await pointsRig();
  const db = makeLedger(rig.path, { fillRows: 5000 });
  const first = await rig.capture();
  expect(first.storedBytes).toBeGreaterThan(4_000_000);
  db.exec('UPDATE fill SET content = randomblob(1000) WHERE id <= 40');
  rig.pass(MINUTE_MS);
  const second = await rig.capture();
  expect(second.pages).toBeLessThan(30);
  expect(second.storedBytes).toBeLessThan(80_000);
  db.close();
});

test('two processes never capture one database at once', async () => {
  await using rig = await pointsRig();
  makeLedger(rig.path).close();
  const lock = takeExclusiveLock(join(rig.directory, 'lock'));
  await expect(capture(rig.deps, rig.database, NEVER)).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });
  lock?.release();
  expect(await capture(rig.deps, rig.database, NEVER)).toMatchObject({
    captured: true,
    fullBackup: 'the first one',
  });
});

test('a database that is not there, or is none, is named', async () => {
  await using rig = await pointsRig();
  await expect(capture(rig.deps, rig.database, NEVER)).rejects.toMatchObject({ code: 'DATABASE_MISSING' });
  const file = openSync(rig.path, 'w');
  writeSync(file, 'this is not a database, whatever its name says'.repeat(20));
  closeSync(file);
  await expect(capture(rig.deps, rig.database, NEVER)).rejects.toMatchObject({ code: 'DATABASE_DAMAGED' });
  expect((await listPoints(rig.database)).points).toBe(0);
});

test('an empty database is a state like any other', async () => {
  await using rig = await pointsRig();
  closeSync(openSync(rig.path, 'w'));
  const empty = await rig.capture();
  makeLedger(rig.path).close();
  rig.pass(MINUTE_MS);
  const full = await rig.capture();
  expect(statSync((await rig.restore(empty.at)).path).size).toBe(0);
  expect(auditLedger((await rig.restore(full.at)).path).faults).toEqual([]);
});

test('an abort ends a capture and leaves nothing', async () => {
  await using rig = await pointsRig();
  makeLedger(rig.path, { fillRows: 20_000 }).close();
  const stop = new AbortController();
  const running = capture(rig.deps, rig.database, stop.signal);
  await until('it works', () => readdirSync(rig.directory).some((name) => name.startsWith('.wavspool-')));
  stop.abort(new Error('enough'));
  await expect(running).rejects.toThrow('enough');
  expect((await listPoints(rig.database)).points).toBe(0);
});

test('kill -9 of the capturing process at any moment costs at most that run', async () => {
  await using rig = await pointsRig();
  makeLedger(rig.path, { fillRows: 200 }).close();
  await using writer = startWriter(rig.path, 100);
  const program = join(import.meta.dirname, '../../src/maintenance/point-in-time/capture/task-process.ts');
  const rules = { ...fullBackupRules(rig.database.pointInTime), everyMs: 500 };
  /** Runs to its end, or until it is killed; returns how long it ran. */
  const run = async (killAfterMs?: number): Promise<number> => {
    const startedAt = performance.now();
    const child = fork(program, [], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv: [] });
    const gone = once(child, 'exit');
    child.send({ kind: 'start', task: { task: 'capture', database: rig.database, rules, aheadMs: 0 } });
    if (killAfterMs !== undefined) {
      await Promise.race([delay(killAfterMs), gone]);
      child.kill('SIGKILL');
    }
    await gone;
    return performance.now() - startedAt;
  };
  await run();
  for (let round = 0; round < KILLS / 10; round += 1) {
    const whole = await run(); // the machine is not always as fast
    for (let kill = 0; kill < 10; kill += 1) await run(whole * (0.3 + Math.random()));
  }
  await writer.stop();
  const last = await capture({ ...rig.deps, rules }, rig.database, NEVER);
  expect(await verifyPoints(rig.deps, rig.database, NEVER)).toMatchObject({ sound: true });
  expect(readdirSync(rig.directory).filter((name) => name.startsWith('.wavspool-'))).toEqual([]);
  const { from = 0, chains } = await listPoints(rig.database);
  expect(chains.length).toBeGreaterThan(1);
  let moves = 0;
  for (let point = 0; point <= 10; point += 1) {
    const restored = await rig.restore(Math.round(from + ((last.at - from) * point) / 10));
    const audit = auditLedger(restored.path);
    expect([restored.faults, audit.faults]).toEqual([[], []]);
    expect(audit.moves).toBeGreaterThanOrEqual(moves);
    moves = audit.moves;
  }
  expect(moves).toBe(auditLedger(rig.path).moves);
});

test('as an operator would: captured, restored to a new file that stands alone', async () => {
  await using rig = await pointsRig();
  const db = makeLedger(rig.path);
  const first = await capture(rig.deps, rig.database, NEVER);
  moveMoney(db);
  const second = await capture(rig.deps, rig.database, NEVER);
  const target = rig.newPath();
  const restored = await restorePoint(rig.deps, rig.database, second.at - 1, target, NEVER);
  expect(restored).toMatchObject({ at: first.at, journalMode: 'wal' });
  expect(auditLedger(target)).toEqual({ faults: [], moves: 0 });
  expect(readdirSync(join(target, '..')).filter((name) => name.startsWith('copy-'))).toEqual(['copy-1.db']);

  await expect(restorePoint(rig.deps, rig.database, first.at, target, NEVER)).rejects.toMatchObject({
    code: 'USAGE',
  });
  for (const at of [first.at - 1, second.at + 1]) {
    const refused = restorePoint(rig.deps, rig.database, at, rig.newPath(), NEVER);
    await expect(refused).rejects.toMatchObject({
      code: 'SNAPSHOT_UNKNOWN',
      message: expect.stringContaining(new Date(first.at).toISOString()),
    });
  }
  db.close();
});
