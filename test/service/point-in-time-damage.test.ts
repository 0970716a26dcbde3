import { execFile } from 'node:child_process';
import {
  closeSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readArchive } from '../../src/maintenance/point-in-time/archive/archive.ts';
import {
  listPoints,
  prunePoints,
  restorePoint,
  verifyPoints,
} from '../../src/maintenance/point-in-time/index.ts';
import { auditLedger, makeLedger, moveMoney } from '../support/ledger.ts';
import { finishCopy } from '../../src/platform/sqlite/index.ts';
import { until } from '../support/ports.ts';
import { contentHash, NEVER, pointsRig, saw, ship, shipped, type PointsRig } from '../support/points.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Chains of four points each, a point every minute; the time of each point. */
async function makeChains(rig: PointsRig, chains = 3): Promise<number[]> {
  const db = makeLedger(rig.path);
  const times: number[] = [];
  for (let point = 0; point < chains * 4; point += 1) {
    moveMoney(db);
    rig.pass(MINUTE_MS);
    times.push((await rig.capture({ everyMs: 4 * MINUTE_MS - 1 })).at);
  }
  db.close();
  return times;
}

function flip(path: string, at: number): void {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  writeSync(file, Buffer.of((byte[0] ?? 0) ^ 0x10), 0, 1, at);
  closeSync(file);
}

describe('what is stored', () => {
  let rig: PointsRig;
  let times: number[];
  beforeAll(async () => {
    rig = await pointsRig();
    times = await makeChains(rig, 2);
  });
  afterAll(() => rig[Symbol.asyncDispose]());

  test('is sound, and says so', async () => {
    expect(await verifyPoints(rig.deps, rig.database, NEVER)).toMatchObject({ sound: true, faults: [] });
    const { chains, points, from, to } = await listPoints(rig.database);
    expect(chains.map((chain) => chain.points)).toEqual([5, 4]); // a full backup is a point of both
    expect([points, from, to]).toEqual([9, times[0], times[7]]);
    expect(chains.map(({ verifiedTo, to }) => verifiedTo === to)).toEqual([true, true]);
  });

  test('is found damaged when one bit of any of its files is flipped', async () => {
    const names = readdirSync(rig.directory).filter((name) => name !== 'lock');
    expect(names.length).toBeGreaterThan(12);
    for (const name of names) {
      const path = join(rig.directory, name);
      const at = Math.floor(Math.random() * statSync(path).size);
      flip(path, at);
      const verified = await verifyPoints(rig.deps, rig.database, NEVER);
      expect(verified.sound, `${name}, byte ${at}`).toBe(false);
      const said = JSON.stringify(verified);
      const follows = name.endsWith('.json') || said.includes('follow'); // a full backup that is gone is missed by its records
      expect(said.includes(name) || follows, `${name}, byte ${at}: ${said}`).toBe(true);
      if (!name.endsWith('verified.json')) flip(path, at); // that one was written again
    }
    expect(await verifyPoints(rig.deps, rig.database, NEVER)).toMatchObject({ sound: true });
  });
});

test('the program in the document restores every point as well', async () => {
  const document = readFileSync(join(import.meta.dirname, '../../docs/point-in-time.md'), 'utf8');
  const [, program = ''] = /```js\n(.*?)```/s.exec(document) ?? [];
  await using rig = await pointsRig('wal');
  const db = makeLedger(rig.path, { pageSize: 1024 });
  const shipping = ship(rig);
  await until('the first base', () => saw(rig, 'wal capture started') > 0);
  for (let commit = 0; commit < 3; commit += 1) {
    moveMoney(db);
    await shipped(rig, commit + 2);
  }
  db.exec('DROP TABLE ledger; VACUUM; CREATE TABLE ledger(id INTEGER PRIMARY KEY)');
  await shipped(rig, 7);
  await shipping.stop();
  db.close();
  const path = rig.newPath();
  writeFileSync(`${path}.mjs`, program);
  const { segments } = await readArchive(rig.directory);
  for (const { to } of segments) {
    const target = rig.newPath();
    const args = [`${path}.mjs`, rig.directory, target, new Date(to).toISOString()];
    await promisify(execFile)(process.execPath, args);
    const restored = await rig.restore(to);
    expect(finishCopy(target)).toEqual([]);
    expect(await contentHash(target)).toBe(await contentHash(restored.path));
  }
});

test('with a damaged full backup the state is brought back from the full backup before it', async () => {
  await using rig = await pointsRig();
  const times = await makeChains(rig);
  const { chains } = await listPoints(rig.database);
  const image = readdirSync(rig.directory).find(
    (name) => name.includes(String(chains[2]?.position).padStart(12, '0')) && name.endsWith('.db.zst'),
  );
  flip(join(rig.directory, image ?? ''), 1000);
  const target = rig.newPath();
  const restored = await restorePoint(rig.deps, rig.database, times[10] ?? 0, target, NEVER);
  expect(restored.at).toBe(times[10]);
  expect(auditLedger(target)).toEqual({ faults: [], moves: 11 });
});

test('a missing file in the middle is named, and only what it held is lost', async () => {
  await using rig = await pointsRig();
  const times = await makeChains(rig);
  const records = readdirSync(rig.directory).filter((name) => name.startsWith('records-'));
  rmSync(join(rig.directory, records[5] ?? '')); // of the second chain, points 5 to 8 (from 0: 4 to 8)
  flip(join(rig.directory, records[6] ?? ''), 400); // and the one behind it is damaged
  const verified = await verifyPoints(rig.deps, rig.database, NEVER);
  flip(join(rig.directory, records[6] ?? ''), 400);
  expect(verified.sound).toBe(false);
  expect(JSON.stringify(verified)).toContain(records[6]);
  expect(verified.chains.map(({ faults }) => faults.length > 0)).toEqual([false, true, false]);
  expect(JSON.stringify(verified)).toMatch(/the records 7 to 7 are missing/);
  const { chains } = await listPoints(rig.database);
  expect(chains[1]?.missing).toEqual([{ first: 7, last: 7 }]);
  const lost = times[7] ?? 0;
  await expect(restorePoint(rig.deps, rig.database, lost, rig.newPath(), NEVER)).rejects.toMatchObject({
    code: 'SNAPSHOT_BAD',
    message: expect.stringContaining('7 to 7'),
  });
  for (const point of [0, 4, 5, 8, 9, 11]) {
    const target = rig.newPath();
    await restorePoint(rig.deps, rig.database, times[point] ?? 0, target, NEVER);
    expect(auditLedger(target)).toEqual({ faults: [], moves: point + 1 });
  }
});

test('a missing file at the end is noticed, and the next capture begins a new line', async () => {
  await using rig = await pointsRig();
  await makeChains(rig);
  const last = readdirSync(rig.directory)
    .filter((name) => name.startsWith('records-'))
    .at(-1);
  rmSync(join(rig.directory, last ?? ''));
  const verified = await verifyPoints(rig.deps, rig.database, NEVER);
  expect(verified.faults.join()).toContain('the records 12 to 12 are missing at the end');
});

test('a damaged last record stops nothing: an alarm, and a new line', async () => {
  await using rig = await pointsRig();
  await makeChains(rig);
  const last = readdirSync(rig.directory)
    .filter((name) => name.startsWith('records-'))
    .at(-1);
  flip(join(rig.directory, last ?? ''), 300);
  rig.pass(MINUTE_MS);
  const after = await rig.capture();
  expect(after.fullBackup).toBe('the last chain cannot be continued');
  expect(rig.events.map(({ event }) => event)).toContain('timeline interrupted');
  const restored = await rig.restore(after.at);
  expect(auditLedger(restored.path)).toEqual({ faults: [], moves: 12 });
});

test('pruning says why, keeps the window whole, and can be cut short anywhere', async () => {
  await using rig = await pointsRig();
  const times = await makeChains(rig);
  await verifyPoints(rig.deps, rig.database, NEVER);
  const database = { ...rig.database, pointInTime: { ...rig.database.pointInTime, keep: 2 * MINUTE_MS } };
  const before = readdirSync(rig.directory);
  const plan = await prunePoints(rig.deps, database, { dryRun: true });
  expect(readdirSync(rig.directory)).toEqual(before);
  expect(plan.chains.map(({ keep, reason }) => [keep, reason])).toEqual([
    [false, 'a later verified chain covers the whole window'],
    [false, 'a later verified chain covers the whole window'],
    [true, 'the newest verified chain'],
  ]);
  // a crash after the first file of the first chain
  rmSync(join(rig.directory, plan.chains[0]?.files[0] ?? ''));
  await prunePoints(rig.deps, database, { dryRun: false });
  const again = await prunePoints(rig.deps, database, { dryRun: false });
  expect(again.chains.map(({ keep }) => keep)).toEqual([true]);
  expect(await verifyPoints(rig.deps, database, NEVER)).toMatchObject({ sound: true, faults: [] });
  const newest = rig.newPath();
  await restorePoint(rig.deps, database, times[11] ?? 0, newest, NEVER);
  expect(auditLedger(newest).moves).toBe(12);
  rig.pass(1000 * HOUR_MS); // captures have stopped: nothing more goes
  expect((await prunePoints(rig.deps, database, { dryRun: false })).chains.every(({ keep }) => keep)).toBe(
    true,
  );
});
