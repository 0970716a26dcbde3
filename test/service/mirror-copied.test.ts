import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { chmod, chown, cp, mkdir, readdir, rename, rm, stat, symlink, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { verifyMirror } from '../../src/maintenance/mirror/index.ts';
import type { MirrorDeps } from '../../src/maintenance/mirror/index.ts';
import { DAY, FIRST, never, startMirrorRig } from '../support/mirror-rig.ts';
import { mountRamDisk } from '../support/small-disk.ts';

// What a mirror copies, how it goes back, and what stands in its way.

const run = promisify(execFile);
const NOBODY = 65_534;

/** A database beside the source, and what a run needs for it. */
function withDatabase(path: string, name = 'sounds'): { db: Database.Database; deps: Partial<MirrorDeps> } {
  const db = new Database(path);
  db.exec('CREATE TABLE IF NOT EXISTS t(a); INSERT INTO t VALUES(1)');
  return {
    db,
    deps: {
      databases: [{ name, path }],
      snapshotInto: async (_name, directory) => {
        const file = join(directory, 'copy.db');
        await db.backup(file);
        return { file, rows: 1 };
      },
    },
  };
}

/** Every path below a directory, in order. */
async function pathsIn(directory: string): Promise<readonly string[]> {
  return (await readdir(directory, { recursive: true })).toSorted();
}

test('sources lie under their names, without what is excluded, and the database under its own', async () => {
  await using made = await startMirrorRig();
  const app = join(made.home, 'app');
  mkdirSync(join(app, 'generated/deep'), { recursive: true });
  mkdirSync(join(app, 'uploads'));
  for (const file of [
    'generated/a.wav',
    'generated/.env',
    'generated/deep/.env',
    'uploads/b.wav',
    'uploads/!',
    '.env',
  ])
    writeFileSync(join(app, file), file);
  const { db, deps } = withDatabase(join(app, 'soundbox.db'));
  await chmod(app, 0o751);
  const sources = { generated: join(app, 'generated'), uploads: join(app, 'uploads') };
  const changes = { source: undefined, sources, databases: ['sounds'], exclude: ['.env', '!'] };
  const first = await made.run(FIRST, changes, deps);
  expect(first).toMatchObject({ databases: ['soundbox.db'], files: 3, notes: [] });
  expect(await pathsIn(first.path)).toEqual([
    '.wavspool.sha256',
    'generated',
    'generated/a.wav',
    'generated/deep',
    'soundbox.db',
    'uploads',
    'uploads/b.wav',
  ]);
  expect((await stat(first.path)).mode & 0o777).toBe(0o751); // rsync -a gives the application its own mode back
  // back into an empty place and on with it
  await rename(app, `${app}.before`);
  await run('rsync', ['-a', `${join(made.dir, 'latest')}/`, `${app}/`]);
  const second = await made.run(FIRST + DAY, changes, deps);
  db.close();
  expect(second).toMatchObject({ files: 3, linked: 2, notes: [] });
  expect(await pathsIn(second.path)).toEqual(await pathsIn(first.path));
  expect(await verifyMirror(second, never)).toMatchObject({ ok: true, checked: 3 });
});

test('what was copied back, by whichever of the documented ways, is followed by good mirrors', async () => {
  await using made = await startMirrorRig();
  made.put('a.wav', 'a');
  const { db, deps } = withDatabase(join(made.home, 'soundbox.db'));
  const changes = { databases: ['sounds'] };
  const first = await made.run(FIRST, changes, deps);
  const names = ['.wavspool.sha256', 'a.wav', 'soundbox.db'];
  expect(await pathsIn(first.path)).toEqual(names);
  await rename(made.source, `${made.source}.before`);
  await cp(first.path, made.source, { recursive: true, preserveTimestamps: true });
  db.exec('INSERT INTO t VALUES(2)');
  const second = await made.run(FIRST + DAY, changes, deps);
  expect(second).toMatchObject({ files: 2, notes: [] });
  expect(await pathsIn(second.path)).toEqual(names);
  // the one there is of this night, not the one that was brought back
  const copy = new Database(join(second.path, 'soundbox.db'), { readonly: true });
  expect(copy.prepare('SELECT count(*) FROM t').pluck().get()).toBe(2);
  copy.close();
  // without the manifest the mirrors themselves tell; once it was changed it is a file like any other
  await rm(join(made.source, '.wavspool.sha256'));
  expect(await made.run(FIRST + 2 * DAY, changes, deps)).toMatchObject({
    databases: ['soundbox.db'],
    notes: [],
  });
  writeFileSync(join(made.source, 'soundbox.db'), 'of the owner');
  const third = await made.run(FIRST + 3 * DAY, changes, deps);
  db.close();
  expect(third).toMatchObject({ databases: ['sounds.db'], files: 3 });
  expect(third.notes).toEqual([
    'the snapshot of database sounds is called sounds.db: something else is called soundbox.db',
  ]);
  expect(readFileSync(join(third.path, 'soundbox.db'), 'utf8')).toBe('of the owner');
});

test.runIf(process.geteuid?.() === 0)("a snapshot has its database's owner, group and mode", async () => {
  await using made = await startMirrorRig();
  made.put('a.wav', 'a');
  const path = join(made.home, 'app.db');
  const { db, deps } = withDatabase(path, 'app');
  await chown(path, NOBODY, NOBODY);
  await chmod(path, 0o640);
  const { path: mirror } = await made.run(FIRST, { databases: ['app'] }, deps);
  db.close();
  expect(await stat(join(mirror, 'app.db'))).toMatchObject({ uid: NOBODY, gid: NOBODY, mode: 0o100640 });
});

test('holes, extended attributes and ACLs are kept, and a change of only those makes a copy of its own', async () => {
  await using made = await startMirrorRig();
  const sparse = made.put('sparse.wav', 'begin');
  await truncate(sparse, 64 * 1024 * 1024);
  const plain = made.put('plain.wav', 'plain');
  await run('setfattr', ['-n', 'user.take', '-v', '7', plain]);
  await run('setfacl', ['-m', 'u:65534:r', plain]);
  const first = await made.run();
  const copied = await stat(join(first.path, 'sparse.wav'));
  expect([copied.size, copied.blocks < 1000]).toEqual([64 * 1024 * 1024, true]);
  const of = async (mirror: string): Promise<string> => {
    const file = join(mirror, 'plain.wav');
    const attributes = await run('getfattr', ['--only-values', '-n', 'user.take', file]);
    const acl = await run('getfacl', ['-cpn', file]);
    return `${attributes.stdout} ${/^user:65534:\S+/m.exec(acl.stdout)?.[0]}`;
  };
  expect(await of(first.path)).toBe('7 user:65534:r--');
  await run('setfattr', ['-n', 'user.take', '-v', '8', plain]);
  const second = await made.run(FIRST + DAY);
  expect([await of(first.path), await of(second.path)]).toEqual(['7 user:65534:r--', '8 user:65534:r--']);
  expect(second).toMatchObject({ linked: 1 });
});

test('where the disk of the mirrors keeps no extended attributes, everything else is copied, and that is noted', async () => {
  await using disk = await mountRamDisk();
  await using made = await startMirrorRig({ dir: join(disk.path, 'mirrors') });
  await run('setfattr', ['-n', 'user.take', '-v', '7', made.put('a.wav', 'a')]);
  const done = await made.run();
  expect(done.notes).toEqual([expect.stringContaining('extended attributes and ACLs were not kept: ')]);
  expect(await verifyMirror(done, never)).toMatchObject({ ok: true, checked: 1 });
  made.put('b.wav', 'b');
  expect(await made.run(FIRST + DAY)).toMatchObject({ files: 2, linked: 1 });
});

/** Puts a file so deep below a directory that its path there has more than `length` bytes, as a program with a working directory can. */
async function putDeep(directory: string, length: number): Promise<void> {
  const script = `
import os, sys
os.chdir(sys.argv[1])
for number in range(int(sys.argv[2]) // 201 + 1):
    name = '%03d' % number + 'd' * 197
    os.mkdir(name); os.chdir(name)
open('deep.wav', 'w').write('deep')
`;
  await run('python3', ['-c', script, directory, String(length)]);
}

test('a path that only the mirrors are too far down for is copied, verified and removed like any other', async () => {
  await using made = await startMirrorRig();
  made.put('a.wav', 'a');
  await putDeep(made.source, 3900);
  const first = await made.run(FIRST, { keep: { last: 1, weekday: 'sunday' } });
  expect(first).toMatchObject({ files: 2, notes: [] });
  expect(await verifyMirror(first, never)).toMatchObject({ ok: true, checked: 2 });
  const second = await made.run(FIRST + DAY, { keep: { last: 1, weekday: 'sunday' } });
  expect(second).toMatchObject({ files: 2, linked: 2, removed: ['2026-11-20'] });
  expect((await readdir(made.dir)).toSorted()).toEqual(['.wavspool', '2026-11-21', 'latest']);
  await run('rm', ['-rf', made.source, made.dir]);
});

test('a path that is longer than rsync takes is told, and everything else is mirrored night after night', async () => {
  await using made = await startMirrorRig();
  made.put('a.wav', 'a');
  await putDeep(made.source, 4300);
  const first = await made.run();
  expect(first.notes).toEqual([expect.stringMatching(/with paths that are too long are not in it: /)]);
  expect(first).toMatchObject({ files: 1 });
  expect(made.events.filter(({ event }) => event === 'mirror incomplete')).toHaveLength(1);
  expect(await made.run(FIRST + DAY, { keep: { last: 1, weekday: 'sunday' } })).toMatchObject({
    files: 1,
    linked: 1,
    removed: ['2026-11-20'],
  });
  expect((await readdir(made.dir)).toSorted()).toEqual(['.wavspool', '2026-11-21', 'latest']);
  await run('rm', ['-rf', made.source]);
});

test.runIf(process.geteuid?.() === 0)(
  'a source that its owner swapped for a link is not followed',
  async () => {
    await using made = await startMirrorRig();
    const app = join(made.home, 'app');
    await mkdir(join(app, 'generated'), { recursive: true });
    writeFileSync(join(app, 'generated/a.wav'), 'a');
    await run('chown', ['-R', `${NOBODY}:${NOBODY}`, app]);
    const source = join(app, 'generated');
    await made.run(FIRST, { source });
    const secret = join(made.home, 'secret');
    await mkdir(secret, { mode: 0o700 });
    writeFileSync(join(secret, 'key'), 'of root');
    await rename(source, `${source}.aside`);
    await symlink(secret, source);
    await chown(source, NOBODY, NOBODY).catch(() => undefined);
    await expect(made.run(FIRST + DAY, { source })).rejects.toMatchObject({ code: 'MIRROR_SOURCE' });
    await expect(made.run(FIRST + DAY, { source })).rejects.toThrow(
      'is a link in a directory that others may write',
    );
    expect((await readdir(made.dir)).toSorted()).toEqual(['.wavspool', '2026-11-20', 'latest']);
    // a link of root's own is a setting like any other
    const own = join(made.home, 'current');
    symlinkSync(`${source}.aside`, own);
    expect(await made.run(FIRST + DAY, { source: own })).toMatchObject({ files: 1 });
  },
);

test.runIf(process.geteuid?.() === 0)(
  'mirrors that are seen below their source through a bind mount are refused',
  async () => {
    await using made = await startMirrorRig();
    made.put('a.wav', 'a');
    const seen = join(made.source, 'a view of it');
    mkdirSync(seen);
    await made.run();
    await using bound = await bindMount(made.dir, seen);
    await expect(made.run(FIRST + DAY)).rejects.toThrow(
      `lies in ${made.source}, as ${bound.path}: the mirror would copy itself`,
    );
    await using above = await bindMount(made.home, join(made.source, 'a view of it'));
    await expect(made.run(FIRST + DAY)).rejects.toThrow(
      `as ${above.path}/-mirrors: the mirror would copy itself`,
    );
  },
);

/** Shows a directory at another path until it is disposed of. */
async function bindMount(what: string, path: string): Promise<AsyncDisposable & { path: string }> {
  await run('mount', ['--bind', what, path]);
  return { path, [Symbol.asyncDispose]: async () => void (await run('umount', [path])) };
}
