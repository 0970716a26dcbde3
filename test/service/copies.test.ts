import { execFile } from 'node:child_process';
import {
  chmod,
  copyFile,
  mkdir,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import {
  adoptBackups,
  confirmBackups,
  exportTablesNow,
  listBackups,
  maintenanceJobs,
  maintenanceStatus,
  pruneBackups,
  takeSnapshots,
  verifyBackups,
  type Maintenance,
} from '../../src/maintenance/catalogue/index.ts';
import { sha256OfFile } from '../../src/platform/runtime/index.ts';
import { makeHostRig, type HostRig } from '../support/host-rig.ts';
import { controlledClock, type ControlledClock } from '../support/time-machine.ts';

// P12: copies are removed on evidence, not on names. A clock that is wrong, a source that was emptied, two schedules in one
// directory, a live database beside the copies: none of them costs a good copy.

const run = promisify(execFile);
const never = new AbortController().signal;

interface World extends AsyncDisposable {
  readonly rig: HostRig;
  readonly clock: ControlledClock;
  readonly host: Maintenance;
  /** Takes the regular snapshot of a database at a time, or those of an event. */
  take(at: string, database?: string, event?: string, label?: string): ReturnType<typeof takeSnapshots>;
  sql(database: string, text: string): void;
}

async function world(settings: string, ...databases: string[]): Promise<World> {
  const clock = controlledClock(Date.parse('2026-11-01T02:00:05Z'));
  const rig = await makeHostRig(settings, clock);
  const sql = (name: string, text: string): void => {
    const db = new Database(join(rig.directory, `${name}.db`));
    db.exec(text);
    db.close();
  };
  for (const name of databases)
    sql(
      name,
      `CREATE TABLE orders (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO orders SELECT '${name}' FROM n`,
    );
  return {
    rig,
    clock,
    host: rig.host,
    take: (at, database = databases[0] ?? '', event, label) => {
      clock.set(Date.parse(at));
      return takeSnapshots(rig.host, { database, event, label }, 'hand', never);
    },
    sql,
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  };
}

function daily(keep: string, more = ''): string {
  return `databases:\n  - { name: shop, path: DIR/shop.db, snapshots: [ { name: daily, cron: "0 2 * * *", dir: DIR/snaps, file: "shop-{YYYY-MM-DD}.db", latest: true, keep: ${keep} ${more} } ] }\n`;
}

const FIVE = ['01', '02', '03', '04', '05'].map((day) => `2026-11-${day}T02:00:05Z`);
const FIVE_NAMES = FIVE.map((at) => `shop-${at.slice(0, 10)}.db`);

test.each([
  '{ days: 5 }',
  '{ within: 5d }',
  '{ last: 5 }',
  '{ daily: 5 }',
  '{ days: 3, weekly: 1, monthly: 1 }',
])(
  'P12: one snapshot under a clock in 2036 costs no good one, and the next is made and stays (%s)',
  async (keep) => {
    await using it = await world(daily(keep), 'shop');
    for (const at of FIVE) await it.take(at);
    const before = await it.rig.names('snaps');
    const [ahead] = await it.take('2036-03-01T02:00:05Z');
    expect(ahead?.removed).toEqual([]);
    const [right] = await it.take('2026-11-06T02:00:05Z');
    expect(right?.path).toContain('shop-2026-11-06.db');
    const names = await it.rig.names('snaps');
    expect(names).toEqual(expect.arrayContaining(['shop-2026-11-06.db', 'shop-2036-03-01.db']));
    // what goes is what goes on any other day: the oldest
    expect(before.filter((name) => !names.includes(name)).length).toBeLessThanOrEqual(1);
    expect(await readlink(join(it.rig.directory, 'snaps/latest'))).toBe('shop-2026-11-06.db');
  },
);

test('P12: a clock that stays in 2036 for weeks lets none of the old ones go until an operator says that it is right', async () => {
  await using it = await world(daily('{ days: 5 }'), 'shop');
  for (const at of FIVE) await it.take(at);
  for (let day = 10; day < 20; day += 1) await it.take(`2036-03-${day}T02:00:05Z`);
  expect(await it.rig.names('snaps')).toEqual(expect.arrayContaining(FIVE_NAMES));
  expect(await confirmBackups(it.host, 'shop', [], never)).toHaveLength(10);
  await it.take('2036-03-20T02:00:05Z');
  expect(await it.rig.names('snaps')).toHaveLength(1 + 5);
});

test('P12: a step of some days that nothing bears out costs nothing either', async () => {
  await using it = await world(daily('{ days: 5 }'), 'shop');
  for (const at of FIVE) await it.take(at);
  const [ahead] = await it.take('2026-11-08T02:00:05Z'); // two days too early
  expect(ahead?.removed).toEqual([]);
  await it.take('2026-11-06T02:00:05Z');
  const names = await it.rig.names('snaps');
  expect(names).toEqual(expect.arrayContaining([...FIVE_NAMES.slice(1), 'shop-2026-11-06.db']));
});

test('P12: a clock that fell back to 1970 makes a copy that stays, and removes none', async () => {
  await using it = await world(daily('{ days: 5 }'), 'shop');
  for (const at of FIVE) await it.take(at);
  const [back] = await it.take('1970-01-02T02:00:05Z');
  expect(back).toMatchObject({ removed: [], doubt: expect.stringContaining('the clock said') });
  expect(await it.rig.names('snaps')).toEqual(['latest', 'shop-1970-01-02.db', ...FIVE_NAMES].toSorted());
});

test('P12: an emptied database pushes out no good copy; once it is right again retention goes on', async () => {
  await using it = await world(daily('{ last: 3 }'), 'shop');
  for (const at of FIVE.slice(0, 3)) await it.take(at);
  await truncate(join(it.rig.directory, 'shop.db'), 0);
  const path = join(it.rig.directory, 'shop.db');
  for (const at of FIVE.slice(3)) {
    const [taken] = await it.take(at);
    expect(taken).toMatchObject({ removed: [], doubt: expect.stringContaining('holds no rows') });
  }
  expect(await it.rig.names('snaps')).toEqual(['latest', ...FIVE_NAMES]);
  expect(await readlink(join(it.rig.directory, 'snaps/latest'))).toBe('shop-2026-11-03.db');
  const cli = await it.rig.wavspool('snapshot', 'shop');
  expect(cli).toMatchObject({ code: 1, stderr: expect.stringContaining('is in doubt') });
  await copyFile(join(it.rig.directory, 'snaps/shop-2026-11-03.db'), path);
  const [good] = await it.take('2026-11-06T02:00:05Z');
  expect(good?.doubt).toBeUndefined();
  expect(await it.rig.names('snaps')).toEqual(
    expect.arrayContaining(['shop-2026-11-03.db', 'shop-2026-11-06.db']),
  );
});

test('P12: a database that lost most of its rows, or is another one, is in doubt until an operator confirms it', async () => {
  await using it = await world(daily('{ last: 1 }'), 'shop');
  await it.take(FIVE[0]!);
  it.sql('shop', 'DELETE FROM orders WHERE rowid > 40');
  const [fewer] = await it.take(FIVE[1]!);
  expect(fewer).toMatchObject({ removed: [], doubt: 'it holds 40 rows, and shop-2026-11-01.db holds 100' });
  expect(await confirmBackups(it.host, 'shop', [], never)).toHaveLength(1);
  await expect(confirmBackups(it.host, 'shop', [], never)).rejects.toThrow('is in doubt');
  const pruned = await pruneBackups(it.host, 'shop', { dryRun: false }, never);
  expect(pruned.filter(({ keep }) => !keep).map(({ name }) => name)).toEqual(['shop-2026-11-01.db']);
  it.sql(
    'shop',
    'DROP TABLE orders; CREATE TABLE elsewhere (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO elsewhere SELECT i FROM n',
  );
  const [other] = await it.take(FIVE[2]!);
  expect(other?.doubt).toContain('it may be another database');
});

test('P12: names that overlap: two databases, and two schedules of one, in one directory', async () => {
  await using it = await world(
    `databases:
  - { name: app, path: DIR/app.db, snapshots: [
      { name: deploy, on: deploy, dir: DIR/snaps, file: "{name}-{label}.db", keep: { last: 2 } },
      { name: daily, cron: "0 2 * * *", dir: DIR/snaps, file: "app-{YYYY-MM-DD}.db", keep: { days: 30 } } ] }
  - { name: app-eu, path: DIR/app-eu.db, snapshots: [ { name: deploy, on: deploy, dir: DIR/snaps, file: "{name}-{label}.db", keep: { last: 2 } } ] }
`,
    'app',
    'app-eu',
  );
  await it.take('2026-11-01T01:00:00Z', 'app-eu', 'deploy', 'v1');
  await it.take('2026-11-01T01:00:01Z', 'app-eu', 'deploy', 'v2');
  for (const at of FIVE) await it.take(at, 'app');
  for (const label of ['r1', 'r2', 'r3'])
    await it.take(`2026-11-06T01:00:0${label[1]}Z`, 'app', 'deploy', label);
  expect(await it.rig.names('snaps')).toEqual(
    [
      'app-eu-v1.db',
      'app-eu-v2.db',
      'app-r2.db',
      'app-r3.db',
      ...FIVE.map((at) => `app-${at.slice(0, 10)}.db`),
    ].toSorted(),
  );
  const listed = (await listBackups(it.host, 'app', never)).snapshots;
  expect(listed.map(({ name }) => name).filter((name) => name.includes('eu'))).toEqual([]);
  // the same name: the other one's copy keeps it
  const [taken] = await it.take('2026-11-07T01:00:00Z', 'app', 'deploy', 'eu-v1');
  expect(taken?.path).toMatch(/app-eu-v1_010000\.db$/);
});

test('P12: no copy takes the place of a live database, under whatever name one finds it, and none is removed', async () => {
  await using it = await world(
    `databases:
  - { name: shop, path: DIR/shop.db, snapshots: [ { name: event, on: change, dir: DIR/link, file: "shop-{label}.db", keep: { last: 1 } } ] }
  - { name: prod, path: DIR/real/shop-prod.db, snapshots: [] }
`,
    'shop',
  );
  await mkdir(join(it.rig.directory, 'real'));
  await symlink('real', join(it.rig.directory, 'link'));
  it.sql('real/shop-prod', "CREATE TABLE t (x); INSERT INTO t VALUES ('live')");
  const before = await sha256OfFile(join(it.rig.directory, 'real/shop-prod.db'));
  await expect(it.take(FIVE[0]!, 'shop', 'change', 'prod')).rejects.toThrow('is a live database');
  for (const [index, at] of FIVE.entries()) await it.take(at, 'shop', 'change', `n${index}`);
  expect(await it.rig.names('real')).toEqual(['shop-n4.db', 'shop-prod.db']);
  expect(await sha256OfFile(join(it.rig.directory, 'real/shop-prod.db'))).toBe(before);
});

test('P12: another wavspool with the same settings and directory is another, and so is a moved database', async () => {
  await using it = await world(daily('{ last: 1 }'), 'shop');
  await it.take(FIVE[0]!);
  await rm(join(it.rig.directory, 'data/origin'));
  const other = await it.rig.wavspool('snapshot', 'shop', '--json');
  const [taken] = (JSON.parse(other.stdout) as { snapshots: [{ removed: string[]; path: string }] })
    .snapshots;
  expect(taken.removed).toEqual([]);
  expect(await it.rig.names('snaps')).toContain('shop-2026-11-01.db');
});

test('what an older wavspool or a script left is listed, never removed, and taken over when it is asked for', async () => {
  await using it = await world(daily('{ last: 2 }'), 'shop');
  await mkdir(join(it.rig.directory, 'snaps'));
  const old = (day: string): string => join(it.rig.directory, `snaps/shop-2026-10-${day}.db`);
  for (const day of ['01', '02', '03']) await copyFile(join(it.rig.directory, 'shop.db'), old(day));
  await writeFile(`${old('01')}.sha256`, `${await sha256OfFile(old('01'))}  shop-2026-10-01.db\n`);
  await writeFile(old('04'), 'this is no database');
  it.sql('other', 'CREATE TABLE foreign_table (x)');
  await rename(join(it.rig.directory, 'other.db'), old('05'));
  for (const at of FIVE.slice(0, 3)) await it.take(at);
  expect(await it.rig.names('snaps')).toHaveLength(5 + 1 + 2 + 1);
  const dry = await adoptBackups(it.host, { database: 'shop', dryRun: true }, never);
  expect(dry.map(({ path, adopted }) => [path.slice(-5, -3), adopted].join(' ')).toSorted()).toEqual([
    '01 true',
    '02 true',
    '03 true',
    '04 false',
    '05 false',
  ]);
  expect(dry.find(({ path }) => path === old('05'))?.reason).toContain('another database');
  expect(await it.rig.names('snaps')).toContain('shop-2026-10-01.db.sha256');
  const cli = await it.rig.wavspool('snapshots', 'adopt', 'shop');
  expect(cli.code).toBe(1);
  expect(cli.stdout).toContain(`adopt ${old('01')}: shop daily, of 2026-10-01 23:59:59 +00:00`);
  const names = await it.rig.names('snaps');
  expect(names).not.toContain('shop-2026-10-01.db.sha256');
  const pruned = await pruneBackups(it.host, 'shop', { dryRun: false }, never);
  expect(pruned.filter(({ keep }) => !keep).map(({ name }) => name)).toEqual(
    ['03', '02', '01'].map((day) => `shop-2026-10-${day}.db`),
  );
});

test('a gunzipped copy is in the journal mode that its database had', async () => {
  await using it = await world(daily('{ last: 9 }', ', compress: gzip'), 'shop');
  const inPlace = join(it.rig.directory, 'back.db');
  for (const [mode, at] of [
    ['wal', FIVE[0]!],
    ['delete', FIVE[1]!],
  ] as const) {
    it.sql('shop', `PRAGMA journal_mode = ${mode}`);
    const [taken] = await it.take(at);
    await writeFile(inPlace, gunzipSync(await readFile(taken!.path)));
    const { stdout } = await run('sqlite3', [inPlace, 'PRAGMA journal_mode; PRAGMA integrity_check']);
    expect(stdout).toBe(`${mode}\nok\n`);
    await rm(inPlace);
  }
  expect(await it.rig.names('snaps')).toEqual([
    'latest',
    ...FIVE_NAMES.slice(0, 2).map((name) => `${name}.gz`),
  ]);
});

test('an empty file beside a WAL that holds commits is left alone', async () => {
  await using it = await world(daily('{ last: 9 }'), 'shop');
  const path = join(it.rig.directory, 'shop.db');
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.pragma('wal_autocheckpoint = 0');
  db.exec("INSERT INTO orders VALUES ('only in the log')");
  await copyFile(`${path}-wal`, join(it.rig.directory, 'log'));
  db.close();
  await copyFile(join(it.rig.directory, 'log'), `${path}-wal`);
  await truncate(path, 0);
  const log = await sha256OfFile(`${path}-wal`);
  await expect(it.take(FIVE[0]!)).rejects.toThrow('nothing was touched');
  expect(await sha256OfFile(`${path}-wal`)).toBe(log);
});

test('a database with a collation, a function and a tokenizer of its owner’s is copied, and the record says what was not checked', async () => {
  await using it = await world(daily('{ last: 9 }'));
  await run('python3', ['-c', OWNERS, join(it.rig.directory, 'shop.db')]);
  const [taken] = await it.take(FIVE[0]!, 'shop');
  expect(taken?.doubt).toBeUndefined();
  const [listed] = (await listBackups(it.host, 'shop', never)).snapshots;
  const unchecked = listed?.kind === 'snapshot' ? (listed.unchecked ?? []) : [];
  expect(unchecked.map((line) => line.split(':')[0] ?? '').toSorted()).toEqual([
    'collated',
    'expressed',
    'keyed',
    'keyed',
  ]);
  expect((await it.rig.wavspool('snapshots', 'verify', 'shop')).code).toBe(0);
});

const OWNERS = `
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.create_collation('de', lambda a, b: (a > b) - (a < b))
c.create_function('plain', 1, lambda x: str(x).lower(), deterministic=True)
c.executescript('''
CREATE TABLE collated(x TEXT COLLATE de); CREATE INDEX ci ON collated(x); INSERT INTO collated VALUES('a');
CREATE TABLE expressed(x); CREATE INDEX ei ON expressed(plain(x)); INSERT INTO expressed VALUES('B');
CREATE TABLE keyed(x TEXT COLLATE de PRIMARY KEY) WITHOUT ROWID; INSERT INTO keyed VALUES('c');
CREATE VIRTUAL TABLE found USING fts5(x); INSERT INTO found VALUES('words');
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'fts5(x)', 'fts5(x, tokenize=''''mine'''')') WHERE name = 'found';
''')
c.commit()
`;

test('P9: a copy is private while it is made, whatever the umask', async () => {
  await using it = await world(daily('{ last: 9 }'), 'shop');
  it.sql(
    'shop',
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) INSERT INTO orders SELECT hex(randomblob(500)) FROM n',
  );
  await it.take(FIVE[0]!);
  const seen = new Set<string>();
  const state = { isOver: false };
  const taking = it.take(FIVE[1]!).finally(() => (state.isOver = true));
  const snaps = join(it.rig.directory, 'snaps');
  while (!state.isOver) {
    for (const name of await readdir(snaps)) {
      if (!name.startsWith('.wavspool-')) continue;
      const stats = await stat(join(snaps, name)).catch(() => undefined);
      if (stats?.isFile() === true) seen.add((stats.mode & 0o777).toString(8));
    }
  }
  await taking;
  expect([...seen]).toEqual(['600']);
});

test('P13: `snaps` and `exports` swapped for links in another user’s directory: nothing is written and nothing goes', async () => {
  await using it = await world(
    `databases:
  - { name: shop, path: DIR/shop.db,
      snapshots: [ { name: daily, cron: "0 2 * * *", dir: DIR/his/snaps, file: "shop-{YYYY-MM-DD}.db", keep: { last: 1 } } ],
      exports: [ { name: some, cron: "0 3 * * *", tables: [orders], dir: DIR/his/exports, file: "some-{YYYY-MM-DD}.sql", keep: { last: 1 } } ] }
`,
    'shop',
  );
  const his = join(it.rig.directory, 'his');
  const secret = join(it.rig.directory, 'secret');
  await mkdir(his);
  await mkdir(secret, { mode: 0o700 });
  await writeFile(join(secret, 'shop-2020-01-01.db'), 'root’s own');
  await run('chown', ['nobody', his]);
  await chmod(it.rig.directory, 0o755);
  const [first] = await it.take(FIVE[0]!); // as it is meant: it works, though others may write to the directory above
  expect(first?.path).toBe(join(his, 'snaps/shop-2026-11-01.db'));
  for (const name of ['snaps', 'exports']) {
    await rm(join(his, name), { recursive: true, force: true });
    await run('setpriv', ['--reuid', 'nobody', '--clear-groups', 'ln', '-s', secret, join(his, name)]);
  }
  await expect(it.take(FIVE[1]!)).rejects.toThrow('is not followed');
  await expect(exportTablesNow(it.host, 'shop', 'some', never)).rejects.toThrow('is not followed');
  await expect(pruneBackups(it.host, 'shop', { dryRun: false }, never)).rejects.toThrow('is not followed');
  expect(await readdir(secret)).toEqual(['shop-2020-01-01.db']);
});

test('P12: a copy that a reading found bad is listed as bad, and takes no good one’s place', async () => {
  await using there = await world(daily('{ last: 2 }'), 'shop');
  await there.take('2026-11-01T02:00:05Z');
  const [second] = await there.take('2026-11-02T02:00:05Z');
  const path = second?.path ?? '';
  const sound = await readFile(path);
  const bad = Buffer.from(sound);
  bad[200] = (bad[200] ?? 0) ^ 1;
  const readAll = async (): Promise<readonly (readonly [string, boolean])[]> =>
    (await Array.fromAsync(verifyBackups(there.host, 'shop', never))).map(({ name, ok }) => [name, ok]);
  const listed = async (): Promise<readonly object[]> =>
    (await listBackups(there.host, 'shop', never)).snapshots.map(({ name, verified, ...more }) => ({
      name,
      verified,
      ...('damage' in more && { damage: more.damage }),
    }));

  await writeFile(path, bad);
  expect(await readAll()).toEqual([
    ['shop-2026-11-02.db', false],
    ['shop-2026-11-01.db', true],
  ]);
  expect(await listed()).toEqual([
    { name: 'shop-2026-11-02.db', verified: false, damage: expect.stringContaining('has changed since') },
    { name: 'shop-2026-11-01.db', verified: true },
  ]);
  const { copies } = await maintenanceStatus(there.host, maintenanceJobs(there.host));
  const told = copies.find(({ of }) => of === 'shop');
  expect(told).toMatchObject({ count: 2, newest: { path: expect.stringContaining('11-01') } });
  expect(told?.damaged).toEqual([{ path, damage: expect.any(String) }]);

  await there.take('2026-11-03T02:00:05Z');
  expect((await listed()).slice(1), 'the good one counts as one of the two').toMatchObject([
    { name: 'shop-2026-11-02.db', verified: false },
    { name: 'shop-2026-11-01.db', verified: true },
  ]);

  await writeFile(path, sound); // brought back from elsewhere
  await readAll();
  expect((await listed())[1]).toEqual({ name: 'shop-2026-11-02.db', verified: true });
});
