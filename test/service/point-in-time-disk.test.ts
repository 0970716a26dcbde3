import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import {
  capture,
  listPoints,
  restorePoint,
  captureWal,
  verifyPoints,
} from '../../src/maintenance/point-in-time/index.ts';
import { auditLedger, makeLedger, moveMoney } from '../support/ledger.ts';
import { NEVER, pointsRig, saw, shipped } from '../support/points.ts';
import { until } from '../support/ports.ts';
import { fillDisk, mountSmallDisk } from '../support/small-disk.ts';

test('a full disk costs captures, not what is there, nor the live database', async () => {
  await using disk = await mountSmallDisk(16);
  await using rig = await pointsRig('pages', disk.path);
  const db = makeLedger(rig.path, { fillRows: 3000 });
  const first = await capture(rig.deps, rig.database, NEVER);
  const ballast = await fillDisk(disk.path);
  db.exec('UPDATE fill SET content = randomblob(1000)');
  await expect(capture(rig.deps, rig.database, NEVER)).rejects.toMatchObject({ code: 'DISK_FULL' });
  await expect(verifyPoints(rig.deps, rig.database, NEVER)).rejects.toMatchObject({ code: 'DISK_FULL' });
  const target = rig.newPath();
  expect(await restorePoint(rig.deps, rig.database, first.at, target, NEVER)).toMatchObject({ at: first.at });
  await rm(ballast);
  moveMoney(db);
  const second = await capture(rig.deps, rig.database, NEVER);
  expect(second.captured).toBe(true);
  expect(await verifyPoints(rig.deps, rig.database, NEVER)).toMatchObject({ sound: true });
  expect((await listPoints(rig.database)).chains).toHaveLength(1);
  db.close();
});

test('a shipper whose disk is full dies, is started again, and goes on with what the log still holds', async () => {
  await using disk = await mountSmallDisk(16);
  await using rig = await pointsRig('wal', disk.path);
  const db = makeLedger(rig.path);
  db.pragma('wal_autocheckpoint = 0');
  const stopping = new AbortController();
  const running = captureWal(rig.deps, rig.database, stopping.signal);
  await until('it ships', () => saw(rig, 'wal capture started') > 0);
  moveMoney(db);
  await shipped(rig, 2);
  const ballast = await fillDisk(disk.path);
  moveMoney(db);
  await until('it has died', () => saw(rig, 'wal capture died') > 0);
  expect(rig.events.find(({ event }) => event === 'wal capture died')?.fields).toMatchObject({
    code: 'DISK_FULL',
  });
  moveMoney(db); // nobody waits for it
  await rm(ballast);
  await shipped(rig, 4);
  stopping.abort();
  await running;
  expect(saw(rig, 'timeline interrupted')).toBe(0);
  const { to = 0 } = await listPoints(rig.database);
  expect(auditLedger((await rig.restore(to)).path)).toEqual({ faults: [], moves: 3 });
  db.close();
});
