import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  maintenanceJobs,
  maintenanceStatus,
  listBackups,
  sourceAt,
  offsitePointsAt,
  type Maintenance,
} from '../../src/maintenance/catalogue/index.ts';
import { capturePages } from '../../src/maintenance/point-in-time/capture/capture-pages.ts';
import { fullBackupRules } from '../../src/maintenance/point-in-time/archive/chain.ts';
import { makeArchive } from '../../src/maintenance/point-in-time/archive/archive.ts';
import type { ShippedPoints } from '../../src/maintenance/point-in-time/index.ts';
import { makeHostRig, type HostRig } from '../support/host-rig.ts';
import { auditLedger, makeLedger, moveMoney } from '../support/ledger.ts';
import { controlledClock } from '../support/time-machine.ts';
import { startS3, type TestS3 } from '../support/s3.ts';

// Restore points in a bucket, on a real S3 server: brought there in order, restored from there alone.

const never = new AbortController().signal;
const MINUTE_MS = 60_000;
const START = Date.parse('2026-09-01T02:00:00Z');
let s3: TestS3;
beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3[Symbol.asyncDispose]());

interface Rig extends AsyncDisposable {
  readonly host: Maintenance;
  readonly rig: HostRig;
  readonly directory: string;
  readonly db: Database.Database;
  readonly clock: ReturnType<typeof controlledClock>;
  /** Moves money once, captures it, and lets a minute pass; when that was. */
  readonly point: (rules?: { everyMs?: number }) => Promise<number>;
  readonly ship: () => Promise<ShippedPoints>;
  readonly keys: () => Promise<string[]>;
}

async function makeRig(prefix: string, keep = '7d', endpoint = s3.endpoint): Promise<Rig> {
  const clock = controlledClock(START);
  const rig = await makeHostRig(settingsOf(prefix, keep, endpoint), clock);
  const path = join(rig.directory, 'ledger.db');
  const db = makeLedger(path);
  const directory = join(rig.directory, 'points', 'ledger');
  await makeArchive(directory);
  const [database] = rig.host.databases.filter(({ name }) => name === 'ledger');
  if (database?.pointInTime === undefined) throw new Error('no database');
  const usual = fullBackupRules(database.pointInTime);
  return {
    host: rig.host,
    rig,
    directory,
    db,
    clock,
    point: async (rules = {}) => {
      moveMoney(db);
      const deps = { clock, report: rig.host.report, rules: { ...usual, ...rules } };
      const { at } = await capturePages(deps, database, directory, never);
      clock.set(clock.now() + MINUTE_MS);
      return at;
    },
    ship: async () => {
      const job = maintenanceJobs(rig.host).find(({ id }) => id === 'offsite points ledger');
      return (await job?.run(never)) as ShippedPoints;
    },
    keys: async () => (await s3.keys()).filter((key) => key.startsWith(prefix)),
    [Symbol.asyncDispose]: async () => {
      db.close();
      await rig[Symbol.asyncDispose]();
    },
  };
}

function settingsOf(prefix: string, keep: string, endpoint = s3.endpoint): string {
  return `
s3: { bucket: ${s3.bucket}, endpoint: "${endpoint}", accessKeyId: ${s3.accessKeyId}, secretAccessKey: ${s3.secretAccessKey} }
databases:
  - { name: ledger, path: DIR/ledger.db, pointInTime: { every: 1m, keep: ${keep}, dir: DIR/points, offsite: { prefix: "${prefix}" } } }
`;
}

/** What a restore on `host` to that time brings back: the moves, or what the fault says. */
async function restored(host: Maintenance, at: number, from?: string): Promise<number | string> {
  const database = host.databases.find(({ name }) => name === 'ledger');
  if (database === undefined) throw new Error('no database');
  const target = join(host.dataDirectory, `restored-${Math.random()}.db`);
  await mkdir(host.dataDirectory, { recursive: true });
  try {
    const source =
      from === undefined
        ? await sourceAt(host, database, at, never)
        : await offsitePointsAt(host, 'ledger', from, at, never);
    await source.fetch(target, never);
  } catch (error) {
    return String(error);
  }
  const { faults, moves } = auditLedger(target);
  expect(faults).toEqual([]);
  return moves;
}

/** Puts an object behind wavspool's back. */
function put(key: string, body: string, metadata?: Record<string, string>): Promise<unknown> {
  const input = {
    Bucket: s3.bucket,
    Key: key,
    Body: Buffer.from(body),
    ContentLength: body.length,
    Metadata: metadata,
  };
  return s3.client.send(new PutObjectCommand(input));
}

/** A machine on which nothing is but the settings. */
const emptyMachine = (prefix: string, now: number): Promise<HostRig> =>
  makeHostRig(settingsOf(prefix, '7d'), controlledClock(now));

test('every point can be restored on an empty machine, from the bucket alone, to the moment; the command does it too', async () => {
  await using rig = await makeRig('alone/');
  const points: number[] = [];
  for (let count = 0; count < 6; count += 1) points.push(await rig.point({ everyMs: 3 * MINUTE_MS }));
  const sent = await rig.ship();
  expect(sent.files).toBe((await rig.keys()).length);
  expect(await rig.ship()).toMatchObject({ files: 0, removed: 0 }); // what is there is not sent again
  await using empty = await emptyMachine('alone/', rig.clock.now());
  for (const [index, at] of points.entries()) {
    expect(await restored(empty.host, at)).toBe(index + 1);
    if (index > 0) expect(await restored(empty.host, at - 1)).toBe(index); // never a later state
  }
  expect(await restored(empty.host, START - 1)).toContain(
    'nothing of ledger was kept at or before that time',
  );
  const listed = await listBackups(empty.host, 'ledger', never);
  expect(listed).toMatchObject({
    unlisted: [],
    snapshots: [{ kind: 'points', where: 'offsite', points: 7, verified: true, foreign: expect.any(String) }],
  });
  const address = listed.snapshots[0]?.path ?? '';
  const at = new Date(points[3] ?? 0).toISOString();
  const done = await empty.wavspool('restore', 'ledger', '--from', address, '--at', at, '--yes');
  expect(done).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`the restore point ${at} in ${address}`),
  });
  expect(auditLedger(join(empty.directory, 'ledger.db'))).toEqual({ faults: [], moves: 4 });
});

test('what lies there and is not wavspool’s, is empty or is cut counts for nothing, and costs nothing', async () => {
  await using rig = await makeRig('foreign/', '10m');
  for (let count = 0; count < 3; count += 1) await rig.point();
  const { prefix } = await rig.ship();
  const far = '20991231T000000000Z';
  const strangers = [
    `${prefix}base-000000000900-${far}.json`,
    `${prefix}base-000000000900-${far}.db.zst`,
    `${prefix}records-000000000004-000000000900-${far}-${far}-9.pit`,
    'foreign/ledger/0123456789abcdef/base-000000000001-20260901T020000000Z.json',
    `${prefix}notes.txt`,
  ];
  for (const key of strangers) await put(key, '');
  // the name that the next file will have is taken, by one that is cut and says that it is ours
  await rig.point();
  const next =
    (await readdir(rig.directory))
      .filter((name) => name.startsWith('records-'))
      .toSorted()
      .at(-1) ?? '';
  await put(prefix + next, 'cut', {
    kind: 'point-in-time',
    database: 'ledger',
    set: prefix.split('/').at(-2) ?? '',
    bytes: '4000',
    sha256: 'a'.repeat(64),
  });
  expect(await rig.ship()).toMatchObject({ files: 1, removed: 0 });
  expect((await rig.keys()).filter((key) => key.startsWith(`${prefix}${next}~`))).toHaveLength(1);
  const last = await rig.point();
  await rig.ship();
  await using empty = await emptyMachine('foreign/', rig.clock.now());
  expect(await restored(empty.host, last)).toBe(5);
  for (const key of strangers) expect(await rig.keys()).toContain(key);
});

test('a file that is missing in the middle, or changed: refused beyond it, up to when is said, before it all is there', async () => {
  await using rig = await makeRig('holes/');
  const points: number[] = [];
  for (let count = 0; count < 6; count += 1) points.push(await rig.point());
  const { prefix } = await rig.ship();
  const records = (await rig.keys()).filter((key) => key.includes('/records-'));
  const [, , third = ''] = records;
  // other bytes under its own metadata, as long as before
  const bytes = await s3.bytes(third);
  bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1;
  const { Metadata } = await s3.client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: third }));
  await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: third, Body: bytes, Metadata }));
  await using empty = await emptyMachine('holes/', rig.clock.now());
  const upto = new Date(points[2] ?? 0).toISOString();
  expect(await restored(empty.host, points[2] ?? 0)).toBe(3);
  expect(await restored(empty.host, points[5] ?? 0)).toContain(
    `is not what was sent; what was captured up to ${upto}, before it, can be restored`,
  );
  await s3.remove(third);
  await using again = await emptyMachine('holes/', rig.clock.now());
  expect(await restored(again.host, points[2] ?? 0)).toBe(3);
  expect(await restored(again.host, points[5] ?? 0)).toContain(`before them the last point is ${upto}`);
  // it is brought again, as long as it is here
  expect(await rig.ship()).toMatchObject({ files: 1, prefix });
  await using mended = await emptyMachine('holes/', rig.clock.now());
  expect(await restored(mended.host, points[5] ?? 0)).toBe(6);
});

test('two hosts with the same settings and one bucket: neither touches the other’s, a third must say which', async () => {
  await using one = await makeRig('twins/', '5m');
  await using two = await makeRig('twins/', '5m');
  const first = await one.point();
  await two.point();
  await two.point();
  await one.ship();
  await two.ship();
  expect(new Set((await one.keys()).map((key) => key.split('/')[2])).size).toBe(2);
  for (let count = 0; count < 20; count += 1) await one.point({ everyMs: 2 * MINUTE_MS });
  expect((await one.ship()).removed).toBeGreaterThan(0);
  await rm(one.directory, { recursive: true }); // the disk with the archive is lost
  expect(await restored(one.host, one.clock.now())).toBe(21);
  expect(await restored(two.host, two.clock.now())).toBe(2);
  await using third = await emptyMachine('twins/', one.clock.now());
  const said = await restored(third.host, first + 10 * MINUTE_MS);
  expect(said).toContain('several hosts have put restore points of ledger there; say which with --from');
  const listed = await listBackups(two.host, 'ledger', never);
  expect(listed.snapshots.filter((it) => it.kind === 'points' && it.where === 'offsite')).toHaveLength(2);
  for (const address of String(said).match(/s3:\/\/\S+/g) ?? [])
    expect([2, 21]).toContain(await restored(third.host, one.clock.now(), address));
});

test('retention there is that of here, and never takes a full backup that a later point needs', async () => {
  await using rig = await makeRig('kept/', '10m');
  const points: number[] = [];
  const removed: number[] = [];
  for (let count = 0; count < 25; count += 1) {
    points.push(await rig.point({ everyMs: 4 * MINUTE_MS }));
    if (count % 5 === 4) {
      removed.push((await rig.ship()).removed);
    }
  }
  expect(removed.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(5);
  await using empty = await emptyMachine('kept/', rig.clock.now());
  const newest = points.at(-1) ?? 0;
  for (const [index, at] of points.entries())
    if (at > newest - 10 * MINUTE_MS) expect(await restored(empty.host, at)).toBe(index + 1);
});

test('a clock that was ten years ahead for a while lets nothing go, here or there', async () => {
  await using rig = await makeRig('clock/', '15m');
  const points: number[] = [];
  for (let count = 0; count < 14; count += 1) points.push(await rig.point({ everyMs: 3 * MINUTE_MS }));
  await rig.ship();
  const now = rig.clock.now();
  rig.clock.set(Date.parse('2036-09-01T00:00:00Z'));
  await rig.point({ everyMs: 3 * MINUTE_MS });
  expect(await rig.ship()).toMatchObject({ removed: 0 });
  rig.clock.set(now);
  const later = await rig.point({ everyMs: 3 * MINUTE_MS });
  await rig.ship();
  await using empty = await emptyMachine('clock/', rig.clock.now());
  const newest = points.at(-1) ?? 0;
  for (const [index, at] of points.entries())
    if (at > newest - 12 * MINUTE_MS) expect(await restored(empty.host, at)).toBe(index + 1);
  expect(await restored(empty.host, later)).toBe(16);
});

test('killed at any moment it goes on, and what is there can be restored up to where it ends', async () => {
  await using rig = await makeRig('killed/');
  const points: number[] = [];
  for (let count = 0; count < 8; count += 1) points.push(await rig.point({ everyMs: 3 * MINUTE_MS }));
  const script = `
    const { openMaintenance, maintenanceJobs } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/maintenance/catalogue/index.ts'))});
    const { loadSettings } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/platform/config/index.ts'))});
    const { systemClock } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/platform/runtime/index.ts'))});
    const { settings } = loadSettings({ configFile: process.argv[1], env: {} });
    let sent = 0;
    const host = await openMaintenance({ settings, clock: systemClock, random: Math.random, report: () => {} });
    const store = await host.store();
    const put = { ...store, putIfAbsent: async (...args) => {
      if (sent++ === Number(process.argv[2])) process.kill(process.pid, 'SIGKILL');
      return store.putIfAbsent(...args);
    } };
    await maintenanceJobs({ ...host, store: async () => put }).find(({ id }) => id === 'offsite points ledger').run(new AbortController().signal);
    process.exit(0);`;
  const config = join(rig.rig.directory, 'wavspool.yaml');
  for (let after = 0; after < 4; after += 1) {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script, config, String(after)], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    await once(child, 'exit');
    const keys = await rig.keys();
    const records = keys.filter((key) => key.includes('/records-')).length;
    const ended = keys.some((key) => key.endsWith('.json'));
    await using empty = await emptyMachine('killed/', rig.clock.now());
    if (ended) expect(await restored(empty.host, points[records] ?? 0)).toBe(records + 1);
    else expect(await restored(empty.host, points[0] ?? 0)).toContain('nothing of ledger was kept');
  }
  await rig.ship();
  await using empty = await emptyMachine('killed/', rig.clock.now());
  for (const [index, at] of points.entries()) expect(await restored(empty.host, at)).toBe(index + 1);
});

test('an archive that began anew, its disk being lost, goes to a place of its own', async () => {
  await using rig = await makeRig('anew/');
  const points: number[] = [];
  for (let count = 0; count < 4; count += 1) points.push(await rig.point());
  const before = await rig.ship();
  await rm(rig.directory, { recursive: true });
  await makeArchive(rig.directory);
  points.push(await rig.point());
  const after = await rig.ship();
  expect(after.prefix).not.toBe(before.prefix);
  await using empty = await emptyMachine('anew/', rig.clock.now());
  for (const [index, at] of points.entries()) expect(await restored(empty.host, at)).toBe(index + 1);
  // an older state of the archive that was put back is another line too
  const kept = join(rig.rig.directory, 'kept-archive');
  await cp(rig.directory, kept, { recursive: true });
  points.push(await rig.point());
  await rig.ship();
  await rm(rig.directory, { recursive: true });
  await cp(kept, rig.directory, { recursive: true });
  expect((await rig.ship()).prefix).not.toBe(after.prefix);
});

test('damaged here is not sent; what follows goes there from the next full backup on', async () => {
  await using rig = await makeRig('damaged/');
  const points: number[] = [];
  for (let count = 0; count < 3; count += 1) points.push(await rig.point({ everyMs: 100 * MINUTE_MS }));
  const records = (await readdir(rig.directory)).filter((name) => name.startsWith('records-')).toSorted();
  await truncate(join(rig.directory, records[1] ?? ''), 100);
  await writeFile(join(rig.directory, 'pages.index'), 'gone');
  points.push(await rig.point());
  points.push(await rig.point());
  await expect(rig.ship()).rejects.toThrow('ends at byte 100, inside a record');
  await using empty = await emptyMachine('damaged/', rig.clock.now());
  expect(await restored(empty.host, points[1] ?? 0)).toBe(2);
  expect(await restored(empty.host, points[4] ?? 0)).toBe(5);
});

test('a store that is away is told: how far behind, in status and metrics, and retention here goes on', async () => {
  await using rig = await makeRig('away/', '7d', 'http://127.0.0.1:9');
  await rig.point();
  rig.clock.set(rig.clock.now() + 2 * 60 * MINUTE_MS);
  await expect(rig.ship()).rejects.toMatchObject({ code: expect.stringMatching(/^STORE_|NETWORK/) });
  const { pointInTime } = await maintenanceStatus(rig.host, maintenanceJobs(rig.host));
  expect(pointInTime['ledger']?.offsite).toMatchObject({ where: null, from: null, points: 0 });
  expect(pointInTime['ledger']?.offsite?.lagSeconds).toBeGreaterThan(7200);
  const { unlisted } = await listBackups(rig.host, 'ledger', never);
  expect(unlisted).toEqual([expect.stringContaining('ledger restore points: ')]);
});
