import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, rmSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { listPoints, verifyPoints } from '../../src/maintenance/point-in-time/index.ts';
import { auditLedger, makeLedger } from '../support/ledger.ts';
import {
  contentHash,
  NEVER,
  opened,
  pointsRig,
  saw,
  shipperPid,
  shipped,
  shipping,
  startWriter,
  type PointsRig,
} from '../support/points.ts';
import { until } from '../support/ports.ts';

// What the owner of a database does with its file after he has stopped his program: he copies it away, and copies it back. The
// shipper runs as in production, in a process of its own.

const isLeft = (path: string): boolean => !existsSync(`${path}-wal`) && !existsSync(`${path}-shm`);

/** A program of the owner's that moves money in one go and ends. */
function visit(path: string, moves: number): void {
  const program = `
    import Database from 'better-sqlite3';
    import { moveMoney } from ${JSON.stringify(`${import.meta.dirname}/../support/ledger.ts`)};
    const db = new Database(${JSON.stringify(path)}, { timeout: 10000 });
    for (let move = 0; move < ${moves}; move += 1) moveMoney(db);
    db.close();`;
  execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: `${import.meta.dirname}/../..`,
  });
}

async function restoredMoves(rig: PointsRig): Promise<number> {
  const { to } = await listPoints(rig.database);
  if (to === undefined) return -1;
  return auditLedger((await rig.restore(to)).path).moves;
}

test('after its program has ended a database is one file that holds everything, and all of it is shipped', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path).close();
  const ships = shipping(rig);
  await until('it ships', () => saw(rig, 'wal capture started') > 0);
  for (let round = 0; round < 3; round += 1) {
    const writer = startWriter(rig.path, 100);
    await until('it writes', () => writer.seen.length > 3);
    expect(isLeft(rig.path)).toBe(false);
    if (round === 1) await writer.kill();
    else await writer.stop();
    await until('the log is gone', () => isLeft(rig.path));
    const copy = rig.newPath();
    copyFileSync(rig.path, copy); // `cp db copy`
    expect(auditLedger(copy)).toEqual({ faults: [], moves: await restoredMoves(rig) });
  }
  await ships.stop();
  const { points } = await listPoints(rig.database);
  expect(points).toBe(1 + auditLedger(rig.path).moves); // each commit is a point, none was taken with another
  expect(saw(rig, 'timeline interrupted') + saw(rig, 'commits captured together')).toBe(0);
  expect(saw(rig, 'wal capture died')).toBe(0);
  expect(await verifyPoints(rig.deps, rig.database, NEVER)).toMatchObject({ sound: true });
});

test('a database that its owner copies back between two runs of his program is whole, and shipping goes on', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path, { fillRows: 300 }).close();
  const ships = shipping(rig);
  await until('it ships', () => saw(rig, 'wal capture started') > 0);
  const kept = rig.newPath();
  const before = startWriter(rig.path, 100);
  await until('it writes', () => before.seen.length > 2);
  await before.stop();
  await until('the log is gone', () => isLeft(rig.path));
  copyFileSync(rig.path, kept);
  const { moves } = auditLedger(kept);
  const between = startWriter(rig.path, 100);
  await until('it writes on', () => between.seen.length > 2);
  await between.stop();
  await until('the log is gone again', () => isLeft(rig.path));
  const later = await restoredMoves(rig);
  expect(later).toBeGreaterThan(moves);
  copyFileSync(kept, rig.path); // `cp copy db`
  const after = startWriter(rig.path, 100);
  await until('it writes after that', () => after.seen.length > 2);
  await after.stop();
  await until('the log is gone at last', () => isLeft(rig.path));
  const audit = auditLedger(rig.path);
  expect(audit.faults).toEqual([]);
  await until('all is shipped', async () => (await restoredMoves(rig)) === audit.moves);
  await ships.stop();
  expect(await verifyPoints(rig.deps, rig.database, NEVER)).toMatchObject({ sound: true });
  // the states before the copy are still there
  const { from = 0, to = 0 } = await listPoints(rig.database);
  const seen = new Set<number>();
  for (let step = 0; step <= 40; step += 1)
    seen.add(auditLedger((await rig.restore(Math.round(from + ((to - from) * step) / 40))).path).moves);
  expect(Math.max(...seen)).toBeGreaterThan(moves);
  expect(saw(rig, 'restore points damaged')).toBe(0);
});

test('programs that come and go in a moment are captured, at worst as one point each', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path).close();
  const ships = shipping(rig);
  await until('it lets go', () => saw(rig, 'wal capture started') > 0 && isLeft(rig.path));
  for (let round = 1; round <= 5; round += 1) {
    visit(rig.path, 3);
    await until('it is shipped', async () => (await restoredMoves(rig)) === round * 3);
    await until('the log is gone', () => isLeft(rig.path));
  }
  await ships.stop();
  expect(saw(rig, 'timeline interrupted')).toBe(0);
  expect((await listPoints(rig.database)).chains).toHaveLength(1);
  expect(await verifyPoints(rig.deps, rig.database, NEVER)).toMatchObject({ sound: true });
});

test('while it rests, that nothing is missing is noted all the time', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path).close();
  const ships = shipping(rig);
  await until('it lets go', () => saw(rig, 'wal capture started') > 0 && isLeft(rig.path));
  const { checkedAt = 0 } = await listPoints(rig.database);
  const looks = statSync(rig.path, { bigint: true });
  await until(
    'it is noted',
    async () => ((await listPoints(rig.database)).checkedAt ?? 0) > checkedAt,
    30_000,
  );
  await ships.stop();
  expect(isLeft(rig.path)).toBe(true);
  expect(statSync(rig.path, { bigint: true }).ctimeNs).toBe(looks.ctimeNs); // nor was it touched
});

test('a file that is being copied over it is not opened before it is whole', async () => {
  await using rig = await pointsRig('wal');
  const db = makeLedger(rig.path, { fillRows: 2000 });
  const kept = rig.newPath();
  await db.backup(kept);
  db.close();
  const ships = shipping(rig);
  await until('it lets go', () => saw(rig, 'wal capture started') > 0 && isLeft(rig.path));
  visit(rig.path, 5);
  await until('it is shipped', async () => (await restoredMoves(rig)) === 5);
  await until('the log is gone', () => isLeft(rig.path));
  rmSync(rig.path);
  copyFileSync(kept, rig.path);
  await until('the copy is captured', async () => (await restoredMoves(rig)) === 0, 30_000);
  expect(await contentHash((await rig.restore((await listPoints(rig.database)).to ?? 0)).path)).toBe(
    await contentHash(rig.path),
  );
  await ships.stop();
  expect(saw(rig, 'restore points damaged')).toBe(0);
});

test('a shipper that is killed, holding or at rest, loses no commit that was shipped, and lets go again', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path).close();
  const ships = shipping(rig);
  await until('it ships', () => saw(rig, 'wal capture started') > 0);
  let ended = 0;
  for (let round = 0; round < 4; round += 1) {
    const writer = startWriter(rig.path, 50);
    await until('it writes', () => writer.seen.length > 2);
    if (round % 2 === 0) process.kill(shipperPid(), 'SIGKILL');
    await writer.stop();
    if (round % 2 === 1) process.kill(shipperPid(), 'SIGKILL');
    ended += 1;
    await until('it ships again', () => saw(rig, 'wal capture started') > ended, 30_000);
    await until('the log is gone', () => isLeft(rig.path), 30_000);
    expect(auditLedger(rig.path)).toEqual({ faults: [], moves: await restoredMoves(rig) });
  }
  await ships.stop();
  expect(await verifyPoints(rig.deps, rig.database, NEVER)).toMatchObject({ sound: true });
});

test('a database that an invisible process has open is followed on, and nothing is missing', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path).close();
  await using user = await opened(rig.path);
  const ships = shipping(rig);
  await until('it ships', () => saw(rig, 'wal capture started') > 0);
  const db = new Database(rig.path);
  db.pragma('user_version = 7');
  await shipped(rig, 2);
  expect(isLeft(rig.path)).toBe(false);
  db.close();
  await user.stop();
  await until('the log is gone', () => isLeft(rig.path));
  await ships.stop();
  expect(saw(rig, 'timeline interrupted')).toBe(0);
});
