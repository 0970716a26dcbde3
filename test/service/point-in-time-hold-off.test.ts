import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { holdOffCapture, listPoints, verifyPoints } from '../../src/maintenance/point-in-time/index.ts';
import { fileSource, restoreDatabase } from '../../src/maintenance/restore/index.ts';
import { auditLedger, makeLedger, moveMoney } from '../support/ledger.ts';
import { NEVER, pointsRig, saw, shipperPid, shipped, shipping, type PointsRig } from '../support/points.ts';
import { until } from '../support/ports.ts';

// A restore beside a running capture: it asks the capture to let go, and nobody else may disturb it meanwhile.

/** Restores the database from `copy`, as the command does. */
async function restore(rig: PointsRig, copy: string): Promise<void> {
  const deps = { ...rig.deps, timezone: 'UTC', dataDirectory: join(rig.directory, '..') };
  await restoreDatabase(
    deps,
    { ...rig.database, asserts: [], isPrivate: false },
    fileSource(copy, { hashes: [] }),
    (holders) => Promise.reject(new Error(`asked about ${JSON.stringify(holders)}`)),
    NEVER,
  );
}

/** Moves money from a program of its own, without staying. */
function move(rig: PointsRig, moves = 1): void {
  const db = new Database(rig.path, { timeout: 10_000 });
  for (let count = 0; count < moves; count += 1) moveMoney(db);
  db.close();
}

async function lastMoves(rig: PointsRig): Promise<number> {
  const { to } = await listPoints(rig.database);
  return to === undefined ? -1 : auditLedger((await rig.restore(to)).path).moves;
}

/** A process that asks for the database, as a restore does, and keeps it until it is killed. */
async function asker(rig: PointsRig): Promise<ChildProcess> {
  const offered = join(import.meta.dirname, '../../src/maintenance/point-in-time/index.ts');
  const script = `
    import { holdOffCapture } from ${JSON.stringify(offered)};
    const clock = { now: Date.now, monotonicMs: () => performance.now(), sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) };
    console.log('asking');
    await holdOffCapture({ clock }, ${JSON.stringify(rig.database)}, new AbortController().signal);
    console.log('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said += String(chunk)));
  await until('it holds the database', () => said.includes('held'), 30_000);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function copyOf(rig: PointsRig): Promise<string> {
  const copy = rig.newPath();
  const db = new Database(rig.path);
  await db.backup(copy);
  db.close();
  return copy;
}

test('restored beside a running capture: no operator is asked about it, and what is written afterwards is captured', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path).close();
  const ships = shipping(rig);
  await until('it ships', () => saw(rig, 'wal capture started') > 0);
  move(rig, 3);
  await until('it is shipped', async () => (await lastMoves(rig)) === 3);
  const copy = await copyOf(rig);
  move(rig, 4);
  await until('the rest is shipped', async () => (await lastMoves(rig)) === 7);
  for (let round = 1; round <= 2; round += 1) {
    await restore(rig, copy);
    expect(auditLedger(rig.path)).toEqual({ faults: [], moves: 3 });
    move(rig, round);
    await until('what came later is shipped', async () => (await lastMoves(rig)) === 3 + round, 30_000);
  }
  await ships.stop();
  expect(saw(rig, 'wal capture died')).toBe(0);
  expect(await verifyPoints(rig.deps, rig.database, NEVER)).toMatchObject({ sound: true });
});

test('a shipper that is killed while it holds the database does not stand in the way of a restore', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path).close();
  const ships = shipping(rig);
  await until('it ships', () => saw(rig, 'wal capture started') > 0);
  move(rig, 2);
  await until('it is shipped', async () => (await lastMoves(rig)) === 2);
  const copy = await copyOf(rig);
  move(rig, 2);
  const restoring = restore(rig, copy);
  process.kill(shipperPid(), 'SIGKILL');
  await restoring;
  expect(auditLedger(rig.path)).toEqual({ faults: [], moves: 2 });
  move(rig, 5);
  await until('it is shipped again', async () => (await lastMoves(rig)) === 7, 30_000);
  await ships.stop();
  expect(await verifyPoints(rig.deps, rig.database, NEVER)).toMatchObject({ sound: true });
});

test('a restore that is killed while it asks, or while it holds, leaves nothing that keeps the shipper away', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path).close();
  const ships = shipping(rig);
  await until('it ships', () => saw(rig, 'wal capture started') > 0);
  const child = await asker(rig);
  const begun = saw(rig, 'wal capture started');
  // a second restore waits, and so does everybody who captures
  const second = holdOffCapture(rig.deps, rig.database, AbortSignal.timeout(500));
  await expect(second).rejects.toThrow();
  expect(saw(rig, 'wal capture started')).toBe(begun);
  await kill(child);
  await until('it ships again', () => saw(rig, 'wal capture started') > begun, 30_000);
  move(rig, 2);
  await until('it is shipped', async () => (await lastMoves(rig)) === 2);
  await ships.stop();
  expect(saw(rig, 'wal capture died')).toBe(0);
});

test('while a restore holds the database a capture that begins waits, and is not lost', async () => {
  await using rig = await pointsRig('wal');
  makeLedger(rig.path).close();
  const held = await holdOffCapture(rig.deps, rig.database, NEVER);
  const ships = shipping(rig);
  await until('its process runs', () => shipperPid() !== 0, 30_000);
  move(rig);
  held.release();
  await until('it ships', () => saw(rig, 'wal capture started') > 0, 30_000);
  await shipped(rig, 1);
  expect(await lastMoves(rig)).toBe(1);
  await ships.stop();
  expect(saw(rig, 'wal capture died')).toBe(0);
});
