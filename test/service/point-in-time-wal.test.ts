import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, copyFileSync, existsSync, openSync, readSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { readArchive } from '../../src/maintenance/point-in-time/archive/archive.ts';
import { listPoints, captureWal, verifyPoints } from '../../src/maintenance/point-in-time/index.ts';
import { mergeSegments } from '../../src/maintenance/point-in-time/capture/housekeeping.ts';
import { segmentFile, type SegmentName } from '../../src/maintenance/point-in-time/archive/names.ts';
import { readRecords } from '../../src/maintenance/point-in-time/archive/records.ts';
import { takeExclusiveLock } from '../../src/platform/sqlite/index.ts';
import { auditLedger, makeLedger, moveMoney } from '../support/ledger.ts';
import {
  contentHash,
  NEVER,
  opened,
  pointsRig,
  saw,
  ship,
  shipped,
  shipperPid,
  startWriter,
} from '../support/points.ts';
import { until } from '../support/ports.ts';

test.each([1024, 16_384, 65_536])(
  'every commit is brought back page by page, page size %d: VACUUM, growth, shrinking, a commit of many records',
  async (pageSize) => {
    await using rig = await pointsRig('wal');
    const db = makeLedger(rig.path, { pageSize, fillRows: 100 });
    db.pragma('wal_autocheckpoint = 0');
    const shipping = ship(rig);
    await until('the first base', () => saw(rig, 'wal capture started') > 0);
    const steps: (() => unknown)[] = [
      () => moveMoney(db),
      () => db.exec('INSERT INTO fill SELECT id + 1000, randomblob(100000) FROM fill'),
      () => db.exec('VACUUM'),
      () => db.exec('DELETE FROM fill WHERE id > 1020'),
      () => db.exec('VACUUM'),
      () => moveMoney(db),
      () => db.exec('DELETE FROM fill; VACUUM'),
      () => db.exec('CREATE TABLE later AS SELECT * FROM accounts'),
    ];
    const states: { at: number; content: string }[] = [];
    for (const step of steps) {
      const before = (await listPoints(rig.database)).points;
      step();
      await shipped(rig, before + 1);
      const copy = rig.newPath();
      await db.backup(copy);
      states.push({
        at: (await listPoints(rig.database)).chains.at(-1)?.to ?? 0,
        content: await contentHash(copy),
      });
    }
    await shipping.stop();
    expect(saw(rig, 'timeline interrupted')).toBe(0);
    for (const { at, content } of states) {
      const restored = await rig.restore(at);
      expect(restored.faults).toEqual([]);
      expect(await contentHash(restored.path)).toBe(content);
    }
    db.close();
  },
);

test('the log starts over again and again under two writers, and no commit is missed', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path, { pageSize: 8192 }).close();
  const shipping = ship(rig);
  await until('the first base', () => saw(rig, 'wal capture started') > 0);
  const fullBackup = auditLedger(rig.path).moves;
  const started = new Set<string>();
  {
    // two: the sequence number in the log's header is every connection's own
    await using writer = startWriter(rig.path, 100);
    await using other = startWriter(rig.path, 100);
    await until(
      'many moves, in many logs',
      () => {
        started.add(saltOf(`${rig.path}-wal`));
        return writer.seen.length > 1 && (other.seen.at(-1)?.counter ?? 0) > 500 && started.size > 5;
      },
      90_000,
    );
  }
  const moves = auditLedger(rig.path).moves;
  await shipped(rig, 1 + moves - fullBackup);
  await shipping.stop();
  expect(saw(rig, 'timeline interrupted')).toBe(0);
  expect((await listPoints(rig.database)).points).toBe(1 + moves - fullBackup); // each commit is a point
  const logs = new Set<string>();
  for (const segment of (await readArchive(rig.directory)).segments) {
    for await (const { header } of readRecords(rig.directory, segment)) logs.add(header.wal?.salt ?? '');
  }
  expect(logs.size).toBeGreaterThan(3); // some start and end between two looks
  expect(await verifyPoints(rig.deps, rig.database, NEVER)).toMatchObject({ sound: true });
});

/** What every start of a log has of its own. */
function saltOf(log: string): string {
  const [header, file] = [Buffer.alloc(32), openSync(log, 'r')];
  readSync(file, header, 0, 32, 0);
  closeSync(file);
  return header.toString('hex', 16, 24);
}

test('a shipper that is started again goes on where it was, as long as the log still holds all', async () => {
  await using rig = await pointsRig('wal');
  const db = makeLedger(rig.path);
  db.pragma('wal_autocheckpoint = 0');
  const user = await opened(rig.path); // this process's own connection is no other program's
  const first = ship(rig);
  await until('the first base', () => saw(rig, 'wal capture started') > 0);
  moveMoney(db);
  await shipped(rig, 2);
  await first.stop();
  moveMoney(db);
  const second = ship(rig);
  await shipped(rig, 3);
  await second.stop();
  await user.stop();
  expect((await listPoints(rig.database)).chains).toHaveLength(1);
  expect(saw(rig, 'timeline interrupted')).toBe(0);
  db.close();
});

test('a log that started over while no process shipped is a gap: an alarm, a full backup, a new line', async () => {
  await using rig = await pointsRig('wal');
  const db = makeLedger(rig.path);
  const first = ship(rig);
  await until('the first base', () => saw(rig, 'wal capture started') > 0);
  moveMoney(db);
  await shipped(rig, 2);
  await first.stop();
  moveMoney(db);
  db.pragma('wal_checkpoint(TRUNCATE)');
  moveMoney(db);
  const second = ship(rig);
  await until('the second base', () => saw(rig, 'wal capture started') > 1);
  await second.stop();
  expect(saw(rig, 'timeline interrupted')).toBe(1);
  const { chains, to = 0 } = await listPoints(rig.database);
  expect(chains).toHaveLength(2);
  expect(auditLedger((await rig.restore(to)).path)).toEqual({ faults: [], moves: 3 });
  expect(auditLedger((await rig.restore(chains[0]?.to ?? 0)).path)).toEqual({ faults: [], moves: 1 });
  db.close();
});

test('a shipper that comes back to the very state it left goes on without a new base', async () => {
  await using rig = await pointsRig('wal');
  const db = makeLedger(rig.path);
  const first = ship(rig);
  await until('the first base', () => saw(rig, 'wal capture started') > 0);
  moveMoney(db);
  await shipped(rig, 2);
  await first.stop();
  db.pragma('wal_checkpoint(TRUNCATE)');
  const second = ship(rig);
  await until('it ships again', () => saw(rig, 'wal capture started') > 1);
  moveMoney(db);
  await shipped(rig, 3);
  await second.stop();
  expect(saw(rig, 'timeline interrupted')).toBe(0);
  db.close();
});

test('small files become one, byte for byte, and a crash in between changes nothing', async () => {
  await using rig = await pointsRig('wal');
  const db = makeLedger(rig.path);
  db.pragma('wal_autocheckpoint = 0');
  const user = await opened(rig.path); // this process's own connection is no other program's
  const first = ship(rig);
  await until('the first base', () => saw(rig, 'wal capture started') > 0);
  for (let move = 0; move < 5; move += 1) {
    moveMoney(db);
    await shipped(rig, move + 2);
  }
  await first.stop();
  const before = await readArchive(rig.directory);
  const small = join(rig.directory, segmentFile(before.segments[2] as SegmentName));
  copyFileSync(small, `${small}.kept`);
  const merged = await mergeSegments(rig.directory, before.segments);
  renameSync(`${small}.kept`, small); // as if it had not got that far
  expect(await readArchive(rig.directory)).toMatchObject({
    segments: [merged],
    duplicates: [before.segments[2]],
  });
  expect(await verifyPoints(rig.deps, rig.database, NEVER)).toMatchObject({ sound: true });
  for (const [index, { to }] of before.segments.entries()) {
    const restored = await rig.restore(to);
    expect([restored.at, restored.faults]).toEqual([to, []]);
    expect(auditLedger(restored.path)).toEqual({ faults: [], moves: index + 1 });
  }
  const second = ship(rig);
  moveMoney(db);
  await shipped(rig, 7);
  await second.stop();
  await user.stop();
  expect(existsSync(small)).toBe(false);
  expect((await listPoints(rig.database)).chains).toHaveLength(1);
  db.close();
});

test('a database that was replaced is not taken for the one that was followed', async () => {
  await using rig = await pointsRig('wal');
  const db = makeLedger(rig.path);
  const shipping = ship(rig);
  await until('the first base', () => saw(rig, 'wal capture started') > 0);
  moveMoney(db);
  await shipped(rig, 2);
  const another = rig.newPath();
  const other = makeLedger(another);
  for (const suffix of ['', '-wal', '-shm']) renameSync(`${another}${suffix}`, `${rig.path}${suffix}`);
  await expect(shipping.ended).rejects.toMatchObject({ code: 'DATABASE_UNUSABLE' });
  for (let move = 0; move < 5; move += 1) moveMoney(other);
  const again = ship(rig);
  await until('it is shipped', () => saw(rig, 'wal capture started') > 1);
  await again.stop();
  const { to = 0, chains } = await listPoints(rig.database);
  expect(chains).toHaveLength(2);
  expect(auditLedger((await rig.restore(to)).path)).toEqual({ faults: [], moves: 5 });
  expect(auditLedger((await rig.restore(chains[0]?.to ?? 0)).path)).toEqual({ faults: [], moves: 1 });
  db.close();
  other.close();
});

test('a full backup that is due is made beside the writer and continues the line', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path).close();
  const shipping = ship(rig, { everyMs: 300 });
  {
    await using writer = startWriter(rig.path, 200);
    await until('three full backups', () => saw(rig, 'full backup written') >= 3);
    expect(writer.seen.length).toBeGreaterThan(0);
  }
  const { moves } = auditLedger(rig.path);
  await until('all is shipped', async () => {
    const { to = 0 } = await listPoints(rig.database);
    return auditLedger((await rig.restore(to)).path).moves === moves;
  });
  await shipping.stop();
  const { fullBackups } = await readArchive(rig.directory);
  expect(fullBackups.slice(1).map(({ continues }) => continues)).toEqual(
    fullBackups.slice(1).map(() => true),
  );
  expect(await verifyPoints(rig.deps, rig.database, NEVER)).toMatchObject({ sound: true });
  expect(saw(rig, 'timeline interrupted')).toBe(0);
});

test('another program’s checkpoints, and its readers, lose nothing', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path).close();
  const shipping = ship(rig);
  await until('the first base', () => saw(rig, 'wal capture started') > 0);
  const before = auditLedger(rig.path).moves;
  const other = new Database(rig.path, { timeout: 100 });
  {
    await using writer = startWriter(rig.path, 200);
    const reader = new Database(rig.path);
    for (let round = 0; round < 12; round += 1) {
      if (round % 3 === 0) reader.exec('BEGIN; SELECT * FROM counter');
      const seen = writer.seen.length;
      await until('it writes', () => writer.seen.length > seen);
      other.pragma(`wal_checkpoint(${['PASSIVE', 'RESTART', 'TRUNCATE', 'FULL'][round % 4]})`);
      if (round % 3 === 2) reader.exec('ROLLBACK');
    }
    reader.close();
  }
  other.pragma('wal_checkpoint(TRUNCATE)');
  moveMoney(other);
  const { moves } = auditLedger(rig.path);
  await shipped(rig, 1 + moves - before);
  await shipping.stop();
  expect(saw(rig, 'timeline interrupted')).toBe(0);
  const { to = 0 } = await listPoints(rig.database);
  expect(auditLedger((await rig.restore(to)).path)).toEqual({ faults: [], moves });
  other.close();
});

test('as in production: writers and shippers are killed, and 60 points of the archive keep the invariant', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path).close();
  const stopping = new AbortController();
  const running = captureWal(rig.deps, rig.database, stopping.signal);
  await until('it ships', () => saw(rig, 'wal capture started') > 0);
  const known: { counter: number; at: number }[] = [];
  for (let round = 1; round <= 4; round += 1) {
    const writer = startWriter(rig.path, 200);
    await until('it writes', () => writer.seen.length > 4);
    if (round % 2 === 0) process.kill(shipperPid(), 'SIGKILL');
    await until('it writes on', () => writer.seen.length > 8);
    await writer.kill();
    known.push(...writer.seen);
    await until('it ships', () => saw(rig, 'wal capture started') > Math.floor(round / 2));
  }
  await until('all is shipped', async () => {
    const { to = 0 } = await listPoints(rig.database);
    return auditLedger((await rig.restore(to)).path).moves === auditLedger(rig.path).moves;
  });
  stopping.abort();
  await running;
  expect(saw(rig, 'wal capture died')).toBe(2);
  const { from = 0, to = 0 } = await listPoints(rig.database);
  let moves = 0;
  for (let point = 0; point < 60; point += 1) {
    const at = Math.round(from + ((to - from) * point) / 59);
    const restored = await rig.restore(at);
    const audit = auditLedger(restored.path);
    expect([restored.faults, audit.faults]).toEqual([[], []]);
    expect(audit.moves).toBeGreaterThanOrEqual(moves);
    // a state is never newer than the time that was asked for
    const later = known.find((seen) => seen.at > at);
    if (later !== undefined) expect(audit.moves).toBeLessThanOrEqual(later.counter);
    moves = audit.moves;
  }
  expect(moves).toBe(auditLedger(rig.path).moves);
  expect(await verifyPoints(rig.deps, rig.database, NEVER)).toMatchObject({ sound: true });
});

test('a shipper ends with the process that started it, whatever ends that one', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path).close();
  const offered = join(import.meta.dirname, '../../src/maintenance/point-in-time/index.ts');
  const script = `
    import { captureWal } from ${JSON.stringify(offered)};
    const clock = { now: Date.now, monotonicMs: () => performance.now(), sleep: () => new Promise(() => {}) };
    const report = (event) => console.log(event);
    await captureWal({ clock, report }, ${JSON.stringify(rig.database)}, new AbortController().signal);`;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(parent, 'exit');
  let said = '';
  parent.stdout.on('data', (chunk) => (said += String(chunk)));
  await until('it ships', () => said.includes('wal capture started'));
  const lockPath = join(rig.directory, 'lock');
  expect(takeExclusiveLock(lockPath)).toBeUndefined();
  parent.kill('SIGKILL');
  await gone;
  await until('the lock is free', () => {
    const lock = takeExclusiveLock(lockPath);
    lock?.release();
    return lock !== undefined;
  });
});

test('a database that is not in WAL mode is captured by pages, with an alarm', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path, { journalMode: 'delete' }).close();
  const stopping = new AbortController();
  const running = captureWal(rig.deps, rig.database, stopping.signal);
  await until('it is captured', () => saw(rig, 'full backup written') > 0);
  stopping.abort();
  await running;
  const [alarm] = rig.events.filter(({ event }) => event === 'timeline interrupted');
  expect(JSON.stringify(alarm?.fields)).toContain('journal mode delete');
  const { to = 0 } = await listPoints(rig.database);
  expect(auditLedger((await rig.restore(to)).path).faults).toEqual([]);
});
