import { describe, expect, test } from 'vitest';
import { listPoints, verifyPoints } from '../../src/maintenance/point-in-time/index.ts';
import { auditLedger, makeLedger, moveMoney } from '../support/ledger.ts';
import { contentHash, copyHash, NEVER, pointsRig, saw, ship, shipped } from '../support/points.ts';
import { until } from '../support/ports.ts';

// Over 1 GiB lies the page on which SQLite's locks are taken: it is in no log and no b-tree. A minute of work and 4 GiB of
// disk: WAVSPOOL_LARGE=1 runs it.

const MINUTE_MS = 60_000;
const LOCK_BYTE = 2 ** 30;

describe.skipIf(process.env['WAVSPOOL_LARGE'] !== '1')('a database that grows over the lock page', () => {
  test.each([4096, 65_536])('by pages of %d', { timeout: 600_000 }, async (pageSize) => {
    await using rig = await pointsRig();
    const db = makeLedger(rig.path, { pageSize });
    const fill = db.prepare('INSERT INTO fill(content) VALUES (zeroblob(?))');
    for (let row = 0; row < 20; row += 1) fill.run(50_000_000);
    const states: { at: number; hash: string; moves: number }[] = [];
    for (let step = 0; step < 3; step += 1) {
      if (step === 1) db.exec('INSERT INTO fill(content) SELECT randomblob(40000000) FROM counter');
      if (step === 1) fill.run(90_000_000);
      const moves = moveMoney(db);
      rig.pass(MINUTE_MS);
      const { at } = await rig.capture();
      states.push({ at, hash: await copyHash(rig), moves });
    }
    expect(Number(db.pragma('page_count', { simple: true })) * pageSize).toBeGreaterThan(
      LOCK_BYTE + 10_000_000,
    );
    db.close();
    for (const { at, hash, moves } of states) {
      const restored = await rig.restore(at);
      expect(restored.faults).toEqual([]);
      expect(await contentHash(restored.path)).toBe(hash);
      expect(auditLedger(restored.path)).toEqual({ faults: [], moves });
    }
  });

  test.each([4096, 65_536])('by commits, pages of %d', { timeout: 600_000 }, async (pageSize) => {
    await using rig = await pointsRig('wal');
    const db = makeLedger(rig.path, { pageSize });
    const fill = db.prepare('INSERT INTO fill(content) VALUES (zeroblob(?))');
    for (let row = 0; row < 21; row += 1) fill.run(50_000_000);
    const shipping = ship(rig);
    await until('the first base', () => saw(rig, 'wal capture started') > 0, 300_000);
    db.transaction(() => {
      fill.run(50_000_000);
      db.exec('INSERT INTO fill(content) SELECT randomblob(40000000) FROM counter');
    })();
    const moves = moveMoney(db);
    await until('all is shipped', async () => (await listPoints(rig.database)).points === 3, 300_000);
    await shipped(rig, 3);
    await shipping.stop();
    expect(saw(rig, 'timeline interrupted')).toBe(0);
    expect(Number(db.pragma('page_count', { simple: true })) * pageSize).toBeGreaterThan(
      LOCK_BYTE + 10_000_000,
    );
    const hash = await copyHash(rig);
    db.close();
    const restored = await rig.restore((await listPoints(rig.database)).to ?? 0);
    expect(restored.faults).toEqual([]);
    expect(await contentHash(restored.path)).toBe(hash);
    expect(auditLedger(restored.path)).toEqual({ faults: [], moves });
    expect(await verifyPoints(rig.deps, rig.database, NEVER)).toMatchObject({ sound: true });
  });
});
