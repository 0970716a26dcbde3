import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { chmod, lstat, readdir, readlink, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { Report } from '../../src/domain/events.ts';
import { confirmCopies } from '../../src/maintenance/record/index.ts';
import {
  adoptMirrors,
  listMirrors,
  pruneMirror,
  realBytesOf,
  verifyMirror,
} from '../../src/maintenance/mirror/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { CATALOGUE, DAY, FIRST, never, startMirrorRig } from '../support/mirror-rig.ts';

// What a mirror is, and how one follows the other.

const run = promisify(execFile);
const silent: Report = () => undefined;
const SILENT = { clock: systemClock, report: silent, ...CATALOGUE };

const inodeOf = async (path: string): Promise<number> => (await stat(path)).ino;

test('a mirror is complete by itself, and shares what is unchanged with the one before', async () => {
  await using made = await startMirrorRig();
  for (const name of [
    'plain.wav',
    'with space.wav',
    '-dash.wav',
    'new\nline.wav',
    'back\\slash',
    '*?[x].wav',
    'deep/er/é.wav',
  ])
    made.put(name, randomBytes(5000));
  made.put('changes.wav', 'before');
  made.put('goes.wav', 'away');
  writeFileSync(Buffer.concat([Buffer.from(`${made.source}/`), Buffer.from([0xff, 0xfe])]), 'no UTF-8');
  mkdirSync(join(made.source, 'empty'));
  symlinkSync('plain.wav', join(made.source, 'a link'));
  symlinkSync('/nowhere/at all', join(made.source, 'dangling'));
  linkSync(join(made.source, 'plain.wav'), join(made.source, 'second name'));
  await run('mkfifo', [join(made.source, 'pipe')]);
  await chmod(join(made.source, 'with space.wav'), 0o640);

  const first = await made.run();
  expect(first).toMatchObject({
    name: '2026-11-20',
    files: 11,
    linked: 0,
    checksum: false,
    notes: [],
    removed: [],
  });
  await rm(join(made.source, 'goes.wav'));
  made.put('changes.wav', 'later', FIRST + 1000);
  made.put('comes.wav', 'new');
  const second = await made.run(FIRST + DAY);
  expect(second).toMatchObject({ name: '2026-11-21', files: 11, linked: 9, copiedBytes: 8 });

  const files = second.path;
  expect(
    (
      await run('diff', ['-r', '--no-dereference', made.source, files]).catch(
        (said: { stdout: string }) => said,
      )
    ).stdout,
  ).toMatch(/^Only in .*: \.wavspool\.sha256\n(File .* is a fifo while file .* is a fifo\n)?$/);
  expect(existsSync(join(first.path, 'goes.wav'))).toBe(true);
  expect(readFileSync(join(first.path, 'changes.wav'), 'utf8')).toBe('before');
  expect(await inodeOf(join(files, 'plain.wav'))).toBe(await inodeOf(join(first.path, 'plain.wav')));
  expect(await inodeOf(join(files, 'plain.wav'))).toBe(await inodeOf(join(files, 'second name')));
  expect(await readlink(join(files, 'dangling'))).toBe('/nowhere/at all');
  expect((await lstat(join(files, 'pipe'))).isFIFO()).toBe(true);
  expect((await stat(join(files, 'with space.wav'))).mode & 0o777).toBe(0o640);
  expect(await readlink(join(made.dir, 'latest'))).toBe('2026-11-21');
  expect((await readdir(made.dir)).toSorted()).toEqual(['.wavspool', '2026-11-20', '2026-11-21', 'latest']);

  // what stays when one is removed by hand is still whole
  await rm(first.path, { recursive: true });
  const checked = await run('sha256sum', ['--check', '--strict', '.wavspool.sha256'], { cwd: second.path });
  expect(checked.stdout.trim().split('\n')).toHaveLength(11);
  expect(await verifyMirror(second, never)).toEqual({
    ok: true,
    hasManifest: true,
    checked: 13,
    differing: [],
  });
});

test('databases come as snapshots; one that lies in the source is left out of the copy, one that the settings do not name is noted', async () => {
  await using made = await startMirrorRig();
  made.put('a.wav', 'a');
  const path = join(made.source, 'data', '[app] *.db');
  mkdirSync(dirname(path));
  const db = new Database(path);
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE t(a); INSERT INTO t VALUES(1)');
  const other = join(made.source, 'other.db');
  writeFileSync(other, '');
  made.put('data/app.db-wal', 'of another file');
  const begun: string[] = [];
  const done = await made.run(
    FIRST,
    { databases: ['app'] },
    {
      databases: [
        { name: 'app', path },
        { name: 'other', path: other },
        { name: 'gone', path: '/nowhere/x.db' },
      ],
      snapshotInto: async (name, directory) => {
        begun.push(...(await readdir(`${directory}/..`)).map((name) => name.slice(0, 10)));
        const file = join(directory, `${name}.db`);
        await db.backup(file);
        return { file, rows: 1 };
      },
    },
  );
  db.close();
  expect(begun).toEqual(['.wavspool-']); // before any file: what a row names is still to be copied
  expect(done.databases).toEqual(['data/[app] *.db']); // in the place of the live one
  expect((await readdir(join(done.path, 'data'))).toSorted()).toEqual(['[app] *.db', 'app.db-wal']);
  expect(done.notes).toEqual([expect.stringContaining(`${other} was copied as a file, which may be torn`)]);
  const copy = new Database(join(done.path, 'data/[app] *.db'), { readonly: true });
  expect(copy.prepare('SELECT a FROM t').all()).toEqual([{ a: 1 }]);
  copy.close();
  await expect(
    made.run(
      FIRST + DAY,
      { databases: ['app'] },
      { databases: [{ name: 'app', path }], snapshotInto: () => Promise.reject(new Error('locked')) },
    ),
  ).rejects.toThrow('locked');
  expect((await readdir(made.dir)).toSorted()).toEqual(['.wavspool', '2026-11-20', 'latest']);
});

test('a second one of a day has its time too; keep decides what goes, and says why', async () => {
  await using made = await startMirrorRig();
  const keep = { last: 1, weekly: 1, weekday: 'monday' } as const;
  made.put('shared.wav', randomBytes(200_000));
  for (const day of [-4, -2, -1, 0]) {
    made.put(`of day ${day}.wav`, randomBytes(50_000));
    await made.run(FIRST + day * DAY);
    await rm(join(made.source, `of day ${day}.wav`));
  }
  await made.run(FIRST + 3_661_000);
  const listed = await listMirrors(made.mirror, CATALOGUE);
  expect(listed.map(({ name }) => name)).toEqual([
    '2026-11-20',
    '2026-11-20_030000',
    '2026-11-19',
    '2026-11-18',
    '2026-11-16',
  ]);
  expect(listed.map(({ files, apparentBytes, verified }) => [files, apparentBytes, verified])).toEqual([
    [1, 200_000, true],
    ...Array.from({ length: 4 }, () => [2, 250_000, true]),
  ]);
  const real = await Promise.all(listed.map((one) => realBytesOf(one, never)));
  expect(real[0]).toBeLessThan(50_000);
  for (const bytes of real.slice(1)) expect([bytes >= 50_000, bytes < 150_000]).toEqual([true, true]);

  const dry = await pruneMirror(SILENT, { ...made.mirror, keep }, { dryRun: true });
  expect(dry.map(({ item, keep, reasons }) => [item.name, keep, reasons])).toEqual([
    ['2026-11-20', true, ['the newest verified one', 'last 1']],
    ['2026-11-20_030000', false, ['no rule keeps it']],
    ['2026-11-19', false, ['no rule keeps it']],
    ['2026-11-18', false, ['no rule keeps it']],
    ['2026-11-16', true, ['weekly 1']],
  ]);
  expect(await listMirrors(made.mirror, CATALOGUE)).toHaveLength(5);
  const done = await made.run(FIRST + DAY, { keep });
  expect(done.removed).toEqual(['2026-11-20', '2026-11-20_030000', '2026-11-19', '2026-11-18']);
  expect((await readdir(made.dir)).toSorted()).toEqual(['.wavspool', '2026-11-16', '2026-11-21', 'latest']);
  // the last tree that holds a file is the one that pays for it
  const [, old] = await listMirrors(made.mirror, CATALOGUE);
  await rm(done.path, { recursive: true });
  expect(await realBytesOf(old!, never)).toBeGreaterThan(250_000);
});

test('what "latest" points to stays, and one without its manifest is not taken for good', async () => {
  await using made = await startMirrorRig();
  made.put('a.wav', 'a');
  for (const day of [0, 1, 2]) await made.run(FIRST + day * DAY);
  await rm(join(made.dir, '2026-11-22/.wavspool.sha256'));
  await rm(join(made.dir, 'latest'));
  symlinkSync('2026-11-20', join(made.dir, 'latest'));
  const keep = { last: 1, weekday: 'sunday' } as const;
  const judged = await pruneMirror(SILENT, { ...made.mirror, keep }, { dryRun: true });
  expect(judged.map(({ item, keep, reasons }) => [item.name, item.verified, keep, reasons])).toEqual([
    ['2026-11-22', false, true, ['newer than the newest verified one', 'last 1']],
    ['2026-11-21', true, true, ['the newest verified one', 'last 1']],
    ['2026-11-20', true, true, ['"latest" points to it']],
  ]);
  const bad = await verifyMirror({ path: join(made.dir, '2026-11-22') }, never);
  expect(bad).toMatchObject({ ok: false, hasManifest: false });
  const next = await made.run(FIRST + 3 * DAY); // links to the newest complete one
  expect(await inodeOf(join(next.path, 'a.wav'))).toBe(await inodeOf(join(made.dir, '2026-11-21/a.wav')));
});

test('the monthly pass finds what sizes and times do not show, and verify what was edited in a mirror', async () => {
  await using made = await startMirrorRig();
  const names = ['altered', 'rotten', 'edited', 'same', 'within a second'];
  for (const name of names) made.put(name, 'content 1');
  await made.run();
  const within = made.put('within a second', 'content 2', FIRST - DAY + 500);
  expect((await stat(within)).size).toBe(9);
  made.put('altered', 'content 2'); // same size, same time
  const daily = await made.run(FIRST + DAY);
  expect(daily).toMatchObject({ linked: 4, checksum: false });
  expect(readFileSync(join(daily.path, 'within a second'), 'utf8')).toBe('content 2');

  for (const name of ['rotten', 'edited']) {
    const file = join(daily.path, name);
    writeFileSync(file, name === 'rotten' ? 'c0ntent 1' : 'another content');
    if (name === 'rotten') await utimes(file, (FIRST - DAY) / 1000, (FIRST - DAY) / 1000);
  }
  const differing = ['edited', 'rotten'].map((name) => ({ path: name, problem: 'changed' }));
  expect(await verifyMirror(daily, never)).toEqual({ ok: false, hasManifest: true, checked: 5, differing });

  const monthly = await made.run(Date.parse('2026-12-02T03:00:00Z'));
  expect(monthly).toMatchObject({ checksum: true, linked: 2 });
  for (const name of names)
    expect(readFileSync(join(monthly.path, name), 'utf8')).toBe(
      readFileSync(join(made.source, name), 'utf8'),
    );
  const found = made.events.filter(
    ({ event }) => event === 'mirror damaged' || event === 'mirror source altered',
  );
  expect(found).toEqual([
    {
      event: 'mirror damaged',
      fields: { mirror: 'audio', path: daily.path, files: 1, firstFiles: ['rotten'] },
    },
    {
      event: 'mirror source altered',
      fields: { mirror: 'audio', source: made.source, files: 1, firstFiles: ['altered'] },
    },
  ]);
  expect(await verifyMirror(monthly, never)).toMatchObject({ ok: true });
  expect(await made.run(Date.parse('2026-12-03T03:00:00Z'))).toMatchObject({ checksum: false, linked: 5 });
  writeFileSync(join(monthly.path, 'extra'), '');
  await rm(join(monthly.path, 'same'));
  expect((await verifyMirror(monthly, never)).differing).toEqual([
    { path: 'extra', problem: 'not in the manifest' },
    { path: 'same', problem: 'missing' },
  ]);
});

test('a source that is missing is refused; one that is empty, like a disk that is not mounted, is kept aside and lets nothing go', async () => {
  await using made = await startMirrorRig();
  await made.run(FIRST - DAY); // empty from the start: nothing says that it should not be
  made.put('a.wav', 'a');
  await made.run();
  await rm(join(made.source, 'a.wav'));
  mkdirSync(join(made.source, 'lost+found'));
  const keep = { last: 1, weekday: 'sunday' } as const;
  const doubt = 'files: 0, and 2026-11-20 has 1';
  for (const day of [1, 2]) {
    const done = await made.run(FIRST + day * DAY, { keep });
    expect(done).toMatchObject({ files: 0, doubt, removed: [] });
  }
  expect(await readlink(join(made.dir, 'latest'))).toBe('2026-11-20'); // what one copies back from is the last good one
  expect(made.events.filter(({ event }) => event === 'copy in doubt')).toHaveLength(2);
  const judged = await pruneMirror(
    { ...SILENT, clock: { ...systemClock, now: () => FIRST + 2 * DAY } },
    { ...made.mirror, keep },
    { dryRun: true },
  );
  expect(judged.map(({ keep }) => keep)).toEqual([true, true, true, true]);
  // the disk is back: files are shared with the last good one, and the rules count again
  await rm(join(made.source, 'lost+found'), { recursive: true });
  made.put('a.wav', 'a');
  const back = await made.run(FIRST + 3 * DAY, { keep });
  expect(back).toMatchObject({ files: 1, linked: 1 });
  expect(back.doubt).toBeUndefined();
  expect(back.removed).toEqual(['2026-11-22', '2026-11-21', '2026-11-20', '2026-11-19']);
  // meant to be empty: somebody says so, once
  await rm(join(made.source, 'a.wav'));
  expect(await made.run(FIRST + 4 * DAY, { keep })).toMatchObject({
    doubt: 'files: 0, and 2026-11-23 has 1',
  });
  await confirmCopies(made.dir, () => true, FIRST + 4 * DAY);
  const after = await made.run(FIRST + 5 * DAY, { keep });
  expect(after.doubt).toBeUndefined();
  expect(after.removed).toEqual(['2026-11-24', '2026-11-23']);

  await rename(made.source, `${made.source}-away`);
  await expect(made.run(FIRST + 6 * DAY)).rejects.toMatchObject({ code: 'MIRROR_SOURCE' });
  expect((await readdir(made.dir)).toSorted()).toEqual(['.wavspool', '2026-11-25', 'latest']);
  await expect(
    made.run(FIRST, { dir: join(`${made.source}-away`, 'x'), source: `${made.source}-away` }),
  ).rejects.toThrow('the mirror would copy itself');
  await rm(join(made.dir, 'latest'));
  mkdirSync(join(made.dir, 'latest'));
  mkdirSync(made.source);
  made.put('b.wav', 'b');
  await expect(made.run(FIRST + 6 * DAY)).rejects.toThrow('latest is no symlink: move it away');
});

test('two mirrors in one directory, and two wavspools, remove none of each other', async () => {
  await using made = await startMirrorRig();
  made.put('a.wav', 'a');
  const other = join(made.home, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'o.wav'), 'o');
  const keep = { last: 1, weekday: 'sunday' } as const;
  const both = [{ keep }, { keep, name: 'video', source: other }];
  for (const day of [0, 1, 2])
    for (const [hour, changes] of both.entries())
      await made.run(FIRST + day * DAY + hour * 3_600_000, changes);
  await made.run(FIRST + 3 * DAY, { keep }, { origin: '00000000-0000-4000-8000-000000000000' });
  const listed = await listMirrors(made.mirror, CATALOGUE);
  expect(listed.map(({ name, record, foreign }) => [name, record?.source.name, foreign])).toEqual([
    ['2026-11-23', 'audio', expect.stringContaining('another wavspool made it')],
    ['2026-11-22_040000', 'video', 'its record says that mirror video made it'],
    ['2026-11-22', 'audio', undefined],
  ]);
});

test('a date that no record speaks of, or whose manifest is another one now, is listed and never removed', async () => {
  await using made = await startMirrorRig();
  made.put('a.wav', 'a');
  const keep = { last: 1, weekday: 'sunday' } as const;
  await made.run(FIRST - 4 * DAY);
  mkdirSync(join(made.dir, '2026-11-17')); // of a script
  await made.run(FIRST - 2 * DAY);
  await made.run(FIRST - DAY);
  await rm(join(made.dir, '.wavspool/2026-11-18.json'));
  writeFileSync(
    join(made.dir, '2026-11-16/.wavspool.sha256'),
    readFileSync(join(made.dir, '2026-11-16/.wavspool.sha256'), 'utf8').replace(/^./, 'f'),
  );
  const { removed } = await made.run(FIRST, { keep });
  expect(removed).toEqual(['2026-11-19']);
  const judged = await pruneMirror(
    { ...SILENT, clock: { ...systemClock, now: () => FIRST } },
    { ...made.mirror, keep },
    { dryRun: true },
  );
  expect(judged.map(({ item, reasons }) => [item.name, reasons[0]])).toEqual([
    ['2026-11-20', 'the newest verified one'],
    ['2026-11-18', expect.stringContaining('no record says what made it')],
    ['2026-11-17', expect.stringContaining('no record says what made it')],
    ['2026-11-16', 'its manifest is not the one that its record speaks of: look at it'],
  ]);
});

test('dates of an older wavspool and of a script are taken over after they were read whole, and then the rules count them', async () => {
  await using made = await startMirrorRig();
  made.put('a.wav', 'a');
  await made.run(FIRST - 3 * DAY);
  await made.run(FIRST - 2 * DAY);
  await rm(join(made.dir, '.wavspool'), { recursive: true });
  mkdirSync(join(made.dir, '2026-11-16'));
  writeFileSync(join(made.dir, '2026-11-16/old.wav'), 'of a script');
  writeFileSync(join(made.dir, '2026-11-18/a.wav'), 'x'); // shared with the one before: both are not what they were
  await rm(join(made.dir, '2026-11-17/a.wav'));
  writeFileSync(join(made.dir, '2026-11-17/a.wav'), 'a');
  const clock = { ...systemClock, now: () => FIRST };
  const deps = { ...CATALOGUE, clock };
  const dry = await adoptMirrors(deps, made.mirror, { dryRun: true }, never);
  expect(await adoptMirrors(deps, made.mirror, { dryRun: false }, never)).toEqual(dry);
  expect(dry.map(({ path, adopted, reason }) => [path.slice(-10), adopted, reason])).toEqual([
    ['2026-11-18', false, 'it is not what its manifest says: a.wav: changed'],
    ['2026-11-17', true, expect.stringContaining('no record says')],
    ['2026-11-16', true, expect.stringContaining('no record says')],
  ]);
  expect(await verifyMirror({ path: join(made.dir, '2026-11-16') }, never)).toMatchObject({
    ok: true,
    checked: 1,
  });
  const { removed } = await made.run(FIRST, { keep: { last: 1, weekday: 'sunday' } });
  expect(removed).toEqual(['2026-11-17', '2026-11-16']);
  expect((await readdir(made.dir)).toSorted()).toEqual(['.wavspool', '2026-11-18', '2026-11-20', 'latest']);
});
