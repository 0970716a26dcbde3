import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { maintenanceJobs, maintenanceStatus, mirrorNow } from '../../src/maintenance/catalogue/index.ts';
import type { CopiesStatus } from '../../src/maintenance/catalogue/index.ts';
import { makeHostRig, type HostRig } from '../support/host-rig.ts';

// What an operator is told of everything that is kept: the same of snapshots, exports, mirrors and logs.

let rig: HostRig;

beforeEach(async () => {
  rig = await makeHostRig(`
databases:
  - name: shop
    path: DIR/shop.db
    snapshots: [{ name: daily, cron: "0 2 * * *", dir: DIR/copies, file: "shop-{YYYY-MM-DD}.db", keep: { days: 30 } }]
    exports: [{ name: orders, cron: "0 3 * * 0", tables: [orders], dir: DIR/exports, file: "orders-{YYYY-MM-DD}.sql", keep: { days: 84 } }]
mirrors:
  - { name: audio, source: DIR/audio, dir: DIR/mirrors, cron: "0 3 * * *", keep: { within: 14d, withinWeekly: 74d } }
logs:
  - { path: DIR/shop.log, cron: "0 1 * * *", rotate: 7, copytruncate: true }
`);
  const db = new Database(join(rig.directory, 'shop.db'));
  db.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1), (2)');
  db.close();
  await mkdir(join(rig.directory, 'audio'));
  await writeFile(join(rig.directory, 'audio/a.wav'), Buffer.alloc(5000));
  await writeFile(join(rig.directory, 'shop.log'), 'a line\n');
});
afterEach(async () => rig[Symbol.asyncDispose]());

async function copies(): Promise<readonly CopiesStatus[]> {
  const all = (await maintenanceStatus(rig.host, maintenanceJobs(rig.host))).copies;
  return all.filter(({ of }) => ['shop', 'audio', join(rig.directory, 'shop.log')].includes(of));
}

async function mirror(): Promise<CopiesStatus | undefined> {
  return (await copies()).find(({ kind }) => kind === 'mirror');
}

test('before the first run each says where it would keep what for how long, and that there is none', async () => {
  const common = { enabled: true, count: 0, newest: null, inDoubt: [], damaged: [], notOurs: 0, last: null };
  const { directory } = rig;
  expect(await copies()).toEqual([
    {
      ...common,
      kind: 'snapshot',
      of: 'shop',
      schedule: 'daily',
      cron: '0 2 * * *',
      directory: `${directory}/copies`,
      retention: 'all of 30 days',
      next: expect.stringMatching(/T02:00:00.000Z$/),
    },
    {
      ...common,
      kind: 'export',
      of: 'shop',
      schedule: 'orders',
      cron: '0 3 * * 0',
      directory: `${directory}/exports`,
      retention: 'all of 84 days',
      next: expect.stringMatching(/T03:00:00.000Z$/),
    },
    {
      ...common,
      kind: 'mirror',
      of: 'audio',
      schedule: 'mirror',
      cron: '0 3 * * *',
      directory: `${directory}/mirrors`,
      retention: 'all within 14 days, one a week (sunday) within 74 days',
      next: expect.stringMatching(/T03:00:00.000Z$/),
    },
    {
      ...common,
      kind: 'log',
      of: `${directory}/shop.log`,
      schedule: 'rotate',
      cron: '0 1 * * *',
      directory,
      retention: 'the newest 7',
      next: expect.stringMatching(/T01:00:00.000Z$/),
    },
  ]);
});

test('after a run of each: how many there are, the newest, and how the run ended', async () => {
  for (const command of [
    ['snapshot', 'shop'],
    ['export', 'shop', 'orders'],
    ['mirror', 'audio'],
    ['rotate', '--force'],
  ])
    expect(await rig.wavspool(...command)).toMatchObject({ code: 0 });

  const found = await copies();
  expect(found).toHaveLength(4);
  for (const one of found) {
    expect(one).toMatchObject({ count: 1, inDoubt: [], notOurs: 0 });
    expect(one.newest?.bytes).toBeGreaterThan(0);
    expect(Date.parse(one.newest?.at ?? '')).toBeGreaterThan(Date.now() - 600_000);
  }
  for (const { kind, last } of found) {
    expect(last).toMatchObject({ outcome: 'done', ms: expect.any(Number) });
    if (kind !== 'log') expect(last).toMatchObject({ bytes: expect.any(Number) });
  }
  expect((await mirror())?.newest).toMatchObject({ bytes: 5000 });
});

test('a mirror that fails says why and when, and still what it has', async () => {
  await mirrorNow(rig.host, 'audio', new AbortController().signal);
  await rename(join(rig.directory, 'audio'), join(rig.directory, 'elsewhere'));
  await expect(mirrorNow(rig.host, 'audio', new AbortController().signal)).rejects.toThrow('audio');

  expect(await mirror()).toMatchObject({
    count: 1,
    newest: { bytes: 5000 },
    last: { outcome: 'failed', error: expect.stringContaining('audio') },
  });
});

test('the command that a failed rotation names ends the problem, and what it made is in the list, wavspool’s own log too', async () => {
  const log = join(rig.directory, 'shop.log');
  const ended = async (): Promise<unknown> =>
    (await maintenanceStatus(rig.host, maintenanceJobs(rig.host))).schedules.find(
      ({ job }) => job === `rotate ${log}`,
    )?.last;
  await rename(log, `${log}.away`);
  expect(await rig.wavspool('rotate', 'shop.log')).toMatchObject({ code: 1 });
  expect(await ended()).toMatchObject({
    outcome: 'failed',
    by: 'hand',
    reason: expect.stringContaining(log),
  });

  await rename(`${log}.away`, log);
  const own = rig.host.settings.paths.log;
  await mkdir(dirname(own), { recursive: true });
  await writeFile(own, 'a line of its own\n');
  expect(await rig.wavspool('rotate', '--dry-run')).toMatchObject({ code: 0 });
  expect(await ended()).toMatchObject({ outcome: 'failed' });
  expect(await rig.wavspool('rotate', '--force')).toMatchObject({ code: 0 });
  expect(await ended()).toMatchObject({ outcome: 'done', by: 'hand' });
  const { stdout } = await rig.wavspool('snapshots', 'list', '--json');
  const listed = (JSON.parse(stdout) as { rows?: { kind: string; log?: string }[] }).rows ?? [];
  expect(listed.filter(({ kind }) => kind === 'log').map((one) => one.log)).toEqual(
    expect.arrayContaining([log, own]),
  );
});

test('a mirror in doubt is told as one, with what to look at', async () => {
  for (let i = 0; i < 30; i += 1) await writeFile(join(rig.directory, `audio/${i}.wav`), Buffer.alloc(100));
  await mirrorNow(rig.host, 'audio', new AbortController().signal);
  await rm(join(rig.directory, 'audio'), { recursive: true });
  await mkdir(join(rig.directory, 'audio'));
  await mirrorNow(rig.host, 'audio', new AbortController().signal);

  const told = await mirror();
  expect(told?.count).toBe(2);
  expect(told?.inDoubt).toEqual([{ path: expect.stringContaining('/mirrors/'), doubt: expect.any(String) }]);
});

test('a directory of mirrors that cannot be listed is that mirror’s trouble', async () => {
  await writeFile(join(rig.directory, 'mirrors'), 'in the way');

  const found = await copies();
  expect(found.map(({ kind, fault }) => [kind, fault !== undefined])).toEqual([
    ['snapshot', false],
    ['export', false],
    ['mirror', true],
    ['log', false],
  ]);
});
