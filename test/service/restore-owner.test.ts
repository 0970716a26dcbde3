import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { capture } from '../../src/maintenance/point-in-time/index.ts';
import { databaseNamed } from '../../src/maintenance/snapshot/index.ts';
import { makeHostRig, type HostRig } from '../support/host-rig.ts';

// Whose a database is after a restore by root, and what a restore refuses.

const NOBODY = 65_534;
const asRoot = test.runIf(process.geteuid?.() === 0);
const SETTINGS = `databases:
  - { name: shop, path: DIR/app/shop.db, asserts: ["SELECT count(*) < 100 FROM orders"], snapshots: [
      { name: plain, on: deploy, dir: DIR/snaps, file: "shop-{YYYY-MM-DD-HH-mm-ss}-{label}.db" } ] }
  - { name: till, path: DIR/app/till.db, snapshots: [
      { name: plain, on: deploy, dir: DIR/snaps, file: "till-{YYYY-MM-DD-HH-mm-ss}-{label}.db" } ] }
`;

interface Shop extends HostRig {
  readonly path: string;
  readonly snapshot: string;
}

/** A database in WAL mode in a directory of somebody else's, and a snapshot of it. */
async function shopRig(): Promise<Shop> {
  const rig = await makeHostRig(SETTINGS);
  await chmod(rig.directory, 0o755);
  await mkdir(join(rig.directory, 'app'));
  const path = join(rig.directory, 'app/shop.db');
  makeShop(path);
  execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, join(rig.directory, 'app')]);
  await chmod(path, 0o640);
  const { stdout, stderr, code } = await rig.wavspool('snapshot', 'shop', '--label', 'first');
  expect([code, stderr]).toEqual([0, '']);
  return Object.assign(rig, { path, snapshot: stdout.trim() });
}

function makeShop(path: string, journalMode = 'WAL'): void {
  const db = new Database(path);
  db.pragma(`journal_mode = ${journalMode}`);
  db.exec("CREATE TABLE orders(what TEXT); INSERT INTO orders VALUES ('one')");
  db.close();
}

const ownerOf = async (path: string): Promise<string> => {
  const { uid, gid, mode } = await stat(path);
  return `${uid}:${gid} ${(mode & 0o7777).toString(8)}`;
};

/** What a program of the database's owner sees and can do. */
function asOwner(path: string, sql: string): string {
  const args = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', 'sqlite3', path, sql];
  return execFileSync('setpriv', args, { encoding: 'utf8' }).trim();
}

asRoot('a lost database comes back as its directory is owned, and its program goes on writing', async () => {
  await using rig = await shopRig();
  for (const part of ['', '-wal', '-shm']) await rm(rig.path + part, { force: true });
  const restored = await rig.wavspool('restore', 'shop', '--from', rig.snapshot);
  expect(restored).toMatchObject({ code: 0 });
  expect(await ownerOf(rig.path)).toBe(`${NOBODY}:${NOBODY} 644`);
  expect(asOwner(rig.path, "INSERT INTO orders VALUES ('two'); SELECT count(*) FROM orders")).toBe('2');
});

test.each(['WAL', 'DELETE'])(
  'a lost database comes back in the journal mode that it had: %s',
  async (journalMode) => {
    await using rig = await makeHostRig(SETTINGS);
    await mkdir(join(rig.directory, 'app'));
    const path = join(rig.directory, 'app/shop.db');
    makeShop(path, journalMode);
    const snapshot = (await rig.wavspool('snapshot', 'shop', '--label', 'x')).stdout.trim();
    for (const part of ['', '-wal', '-shm']) await rm(path + part, { force: true });
    expect(await rig.wavspool('restore', 'shop', '--from', snapshot)).toMatchObject({ code: 0 });
    expect(execFileSync('sqlite3', [path, 'PRAGMA journal_mode'], { encoding: 'utf8' }).trim()).toBe(
      journalMode.toLowerCase(),
    );
  },
);

test('a lost database comes back from a point in time in the journal mode that it had', async () => {
  await using rig = await makeHostRig(
    'databases: [{ name: shop, path: DIR/app/shop.db, pointInTime: { mode: pages, every: 1m, keep: 7d, dir: DIR/points } }]',
  );
  await mkdir(join(rig.directory, 'app'));
  const path = join(rig.directory, 'app/shop.db');
  makeShop(path);
  await capture(rig.host, databaseNamed(rig.host.databases, 'shop'), new AbortController().signal);
  for (const part of ['', '-wal', '-shm']) await rm(path + part, { force: true });
  expect(await rig.wavspool('restore', 'shop', '--at', new Date().toISOString())).toMatchObject({ code: 0 });
  expect(execFileSync('sqlite3', [path, 'PRAGMA journal_mode'], { encoding: 'utf8' }).trim()).toBe('wal');
});

asRoot.each([
  ['overwritten', async () => undefined],
  ['replaced as a file, for it has another page size', (path: string) => remake(path)],
  ['replaced as a file, for it is damaged', (path: string) => damage(path)],
])(
  'a database that is %s keeps owner, group, mode and journal mode, and so does what is kept',
  async (_how, spoil) => {
    await using rig = await shopRig();
    await spoil(rig.path);
    const restored = await rig.wavspool('restore', 'shop', '--from', rig.snapshot, '--json');
    expect(restored).toMatchObject({ code: 0 });
    expect(await ownerOf(rig.path)).toBe(`${NOBODY}:${NOBODY} 640`);
    expect(await ownerOf(JSON.parse(restored.stdout).saved)).toBe(`${NOBODY}:${NOBODY} 640`);
    expect(asOwner(rig.path, 'PRAGMA journal_mode; SELECT what FROM orders')).toBe('wal\none');
  },
);

async function remake(path: string): Promise<void> {
  execFileSync('sqlite3', [
    path,
    'PRAGMA journal_mode=DELETE; PRAGMA page_size=8192; VACUUM; PRAGMA journal_mode=WAL;',
  ]);
}

/** Behind its first page, so that its header still says which mode it was in. */
async function damage(path: string): Promise<void> {
  execFileSync('dd', [
    'if=/dev/urandom',
    `of=${path}`,
    'bs=1k',
    'seek=4',
    'count=4',
    'conv=notrunc',
    'status=none',
  ]);
}

test('a copy of another database, an empty one, and one that breaks an assert are refused, and nothing is touched', async () => {
  await using rig = await makeHostRig(SETTINGS);
  await mkdir(join(rig.directory, 'app'));
  const at = (name: string): string => join(rig.directory, name);
  makeShop(at('app/shop.db'));
  makeShop(at('app/till.db'));
  const till = (await rig.wavspool('snapshot', 'till')).stdout.trim();
  const other = new Database(at('other.db'));
  other.exec('CREATE TABLE sessions(id); INSERT INTO sessions VALUES (1)');
  other.close();
  const rowless = new Database(at('rowless.db'));
  rowless.exec('CREATE TABLE orders(what TEXT)');
  rowless.close();
  const flood = new Database(at('flood.db'));
  flood.exec('CREATE TABLE orders(what TEXT)');
  for (let order = 0; order < 100; order += 1) flood.exec('INSERT INTO orders VALUES (1)');
  flood.close();
  await writeFile(at('empty.db'), '');
  for (const [from, said] of [
    [till, 'is a copy of the database till, not of shop'],
    [at('other.db'), 'is another database’s'.replace('’', "'")],
    [at('empty.db'), 'it is empty'],
    [at('rowless.db'), 'none of its tables has a row'],
    [at('flood.db'), 'gives 0, not 1'],
  ] as const) {
    const refused = await rig.wavspool('restore', 'shop', '--from', from, '--yes');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(said)]);
  }
  expect(await rig.names('app')).toEqual(['shop.db', 'till.db']);
});

asRoot(
  'what the owner of a database may not do there, and a disk that takes nothing, are said as that and are no fault of wavspool',
  async () => {
    await using rig = await makeHostRig(SETTINGS);
    const at = (name: string): string => join(rig.directory, name);
    await chmod(rig.directory, 0o755);
    await mkdir(at('app'));
    for (const name of ['app/shop.db', 'copy.db']) makeShop(at(name));
    const restore = (): ReturnType<typeof rig.wavspool> =>
      rig.wavspool('restore', 'shop', '--from', at('copy.db'), '--yes', '--json');
    await chown(at('app'), NOBODY, NOBODY);
    await chmod(at('app'), 0o555);
    const closed = await restore();
    expect(closed.code).toBe(1);
    expect(closed.stderr).toContain('(uid 65534) may not do that there');
    expect(closed.stderr).toContain('run wavspool as its owner');
    await chmod(at('app'), 0o755);
    await chmod(at('app/shop.db'), 0o600); // root's, in a directory of another
    const foreign = await restore();
    expect(foreign.code).toBe(1);
    expect(foreign.stderr).toContain('run wavspool as its owner');
    await chown(at('app'), 0, 0);
    execFileSync('mount', ['--bind', at('app'), at('app')]);
    try {
      execFileSync('mount', ['-o', 'remount,bind,ro', at('app')]);
      const readOnly = await restore();
      expect(readOnly.code).toBe(1);
      expect(readOnly.stderr).toContain('shop.db cannot be restored: EROFS');
      expect(readOnly.stderr).toContain('check the permissions and the disk');
    } finally {
      execFileSync('umount', [at('app')]);
    }
  },
);

test('the five newest that restores kept stay, older ones go', async () => {
  await using rig = await makeHostRig(SETTINGS);
  await mkdir(join(rig.directory, 'app'));
  makeShop(join(rig.directory, 'app/shop.db'));
  const snapshot = (await rig.wavspool('snapshot', 'shop', '--label', 'x')).stdout.trim();
  await writeFile(join(rig.directory, 'app/shop.db.before-restore-2020-01-01-00-00-00'), 'of somebody else');
  const kept: string[] = [];
  for (let round = 0; round < 7; round += 1) {
    const { stdout } = await rig.wavspool('restore', 'shop', '--from', snapshot, '--json');
    const { saved, removed } = JSON.parse(stdout);
    kept.push(saved);
    expect(removed).toEqual(round < 5 ? [] : [kept[round - 5]]);
  }
  expect(await rig.names('app')).toHaveLength(1 + 1 + 5);
  const listed = (await rig.wavspool('snapshots', 'list', 'shop', '--json')).stdout;
  const paths = JSON.parse(listed).rows.map((one: { path: string }) => one.path);
  expect(paths).toEqual([...kept.slice(2).toReversed(), snapshot]);
  const { stdout } = await rig.wavspool('snapshots', 'prune', 'shop');
  expect(stdout).toContain('one of the 5 newest that restores kept');
});

asRoot('a program in a container, behind a bind mount, is named and not disturbed', async () => {
  await using rig = await shopRig();
  const inside = join(rig.directory, 'inside');
  await mkdir(inside);
  const script = `mount --bind "$0" "$1" && exec sqlite3 "$1/shop.db"`;
  const program = spawn('unshare', ['--mount', 'sh', '-c', script, join(rig.directory, 'app'), inside], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    program.stdin.write("INSERT INTO orders VALUES ('live'); SELECT count(*) FROM orders;\n");
    await once(program.stdout, 'data');
    const refused = await rig.wavspool('restore', 'shop', '--from', rig.snapshot);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining(`sqlite3 (pid ${program.pid})`),
    ]);
    // one that can only be replaced as a file is not replaced under it, whatever it is told; and it does not say "--yes" again
    await writeFile(join(rig.directory, 'large.db'), '');
    execFileSync('sqlite3', [
      join(rig.directory, 'large.db'),
      'PRAGMA page_size=8192; CREATE TABLE orders(what TEXT); INSERT INTO orders VALUES (1);',
    ]);
    const held = await rig.wavspool('restore', 'shop', '--from', join(rig.directory, 'large.db'), '--yes');
    expect([held.code, held.stderr]).toEqual([1, expect.stringContaining('stop these programs first')]);
    expect(held.stderr).not.toContain('say --yes');
    program.stdin.write('SELECT count(*) FROM orders;\n');
    const [count] = (await once(program.stdout, 'data')) as [Buffer];
    expect(String(count).trim()).toBe('2');
  } finally {
    program.stdin.end();
    await once(program, 'exit');
  }
});
