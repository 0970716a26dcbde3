import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { startRig, tarOf, until, type Rig } from './arrival-rig.ts';

/** In a user namespace of its own, so that the limit is that process's alone. */
const FEW_WATCHES = ['-Ur', 'sh', '-c', 'echo 20 > /proc/sys/user/max_inotify_watches && exec "$@"', 'sh'];
const hasNamespaces = spawnSync('unshare', [...FEW_WATCHES, 'true']).status === 0;

test.skipIf(!hasNamespaces)(
  'with fewer inotify watches than directories every tar still arrives, and the fault is reported with its remedy',
  async () => {
    const incoming = await mkdtemp(path.join(tmpdir(), 'arrival-watches-'));
    const directories = Array.from({ length: 40 }, (_, i) => path.join(incoming, `2025/${i}`));
    for (const directory of directories) await mkdir(directory, { recursive: true });
    const script = path.join(import.meta.dirname, 'arrival-child.ts');
    const child = spawn('unshare', [...FEW_WATCHES, process.execPath, script, incoming], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    try {
      const lines: Record<string, unknown>[] = [];
      const of = (event: string) => lines.filter((line) => line['event'] === event);
      createInterface(child.stdout).on('line', (line) => lines.push(JSON.parse(line)));
      await until(() => of('watching').length > 0);

      for (const directory of directories) await writeFile(path.join(directory, 'file1.tar'), tarOf([100]));
      await until(() => of('tar arrived').length >= directories.length);

      const arrived = of('tar arrived').map((line) => String(line['tar']));
      expect(arrived.toSorted()).toEqual(directories.map((each) => path.join(each, 'file1.tar')).toSorted());
      expect(of('tar arrived').some((line) => line['by'] === 'rescan')).toBe(true);
      expect(of('watch fault')).toMatchObject([
        { code: 'ENOSPC', remedy: expect.stringContaining('fs.inotify.max_user_watches') },
      ]);
    } finally {
      child.stdin.end();
      await exited;
      await rm(incoming, { recursive: true, force: true });
    }
    expect(child.exitCode).toBe(0);
  },
);

const MONTHS_MS = 60 * 24 * 3600 * 1000;

/** How each tar that has arrived was found, by its path below the landing directory. */
const foundBy = (rig: Rig): Record<string, string> =>
  Object.fromEntries(rig.of('tar arrived').map(({ tar, by }) => [path.relative(rig.incoming, tar), by]));

/** The directories that the kernel watches for this process. */
async function inotifyWatches(): Promise<number> {
  const infos = await Promise.all(
    (await readdir('/proc/self/fdinfo')).map((fd) =>
      readFile(`/proc/self/fdinfo/${fd}`, 'utf8').catch(() => ''),
    ),
  );
  return infos.join('').match(/^inotify /gm)?.length ?? 0;
}

test('a directory where nothing has changed for months is left to the rescan until something does', async () => {
  let later = MONTHS_MS;
  const before = await inotifyWatches();
  await using rig = await startRig(
    { clock: { ...systemClock, now: () => Date.now() + later } },
    async (incoming) => void (await mkdir(path.join(incoming, '2025/01'), { recursive: true })),
  );
  expect(rig.of('watching')).toEqual([{ incoming: rig.incoming, directories: 2 }]);
  expect(await inotifyWatches()).toBe(before + 2);

  await mkdir(rig.at('2025/02')); // what is new is watched at once
  await writeFile(rig.at('2025/02/file1.tar'), tarOf([100]));
  await until(() => '2025/02/file1.tar' in foundBy(rig));
  await writeFile(rig.at('2025/01/file1.tar'), tarOf([100]));
  await rig.arrival.rescanNow();
  await until(() => '2025/01/file1.tar' in foundBy(rig));
  expect(foundBy(rig)).toEqual({ '2025/01/file1.tar': 'rescan', '2025/02/file1.tar': 'event' });

  later = 0;
  await rig.arrival.rescanNow();
  const rescans = rig.of('rescan finished').length;
  await until(() => rig.of('rescan finished').length > rescans); // for what came before it was watched
  await writeFile(rig.at('2025/01/file2.tar'), tarOf([100]));
  await until(() => '2025/01/file2.tar' in foundBy(rig));
  expect(foundBy(rig)).toMatchObject({ '2025/01/file2.tar': 'event' });
  expect(await inotifyWatches()).toBe(before + 4);

  later = MONTHS_MS;
  await rig.arrival.rescanNow();
  expect(await inotifyWatches()).toBe(before + 2);
  expect(rig.of('rescan finished').every(({ missedByWatcher }) => missedByWatcher === 0)).toBe(true);
});

test('a directory that is removed and made again, or renamed, is watched still', async () => {
  await using rig = await startRig();
  await until(() => rig.of('rescan finished').length === 2); // at the start, and for what came before all was watched
  for (const tar of ['a/1.tar', 'a/2.tar']) {
    await mkdir(rig.at('a/deeper'), { recursive: true });
    await writeFile(rig.at(tar), tarOf([100]));
    await until(() => tar in foundBy(rig));
    await rm(rig.at('a'), { recursive: true });
  }
  await mkdir(rig.at('b'));
  await writeFile(rig.at('b/3.tar'), tarOf([100]));
  await until(() => 'b/3.tar' in foundBy(rig));
  await rename(rig.at('b'), rig.at('c'));
  await until(() => 'c/3.tar' in foundBy(rig)); // it is another tar, by its path
  await writeFile(rig.at('c/4.tar'), tarOf([100]));
  await until(() => 'c/4.tar' in foundBy(rig));
  expect(new Set(Object.values(foundBy(rig)))).toEqual(new Set(['event']));
});

test('of many directories that are removed and made again at once none is lost sight of', async () => {
  await using rig = await startRig();
  await until(() => rig.of('rescan finished').length === 2); // at the start, and for what came before all was watched
  for (const round of ['1', '2', '3']) {
    const tars = Array.from({ length: 30 }, (_, i) => `${i}/${round}.tar`);
    await Promise.all(
      tars.map(async (tar) => {
        await rm(path.dirname(rig.at(tar)), { recursive: true, force: true });
        await mkdir(path.dirname(rig.at(tar)));
        await writeFile(rig.at(tar), tarOf([100]));
      }),
    );
    await until(() => tars.every((tar) => tar in foundBy(rig)));
  }
  expect(new Set(Object.values(foundBy(rig)))).toEqual(new Set(['event']));
});

test('a landing directory that is a symbolic link is watched like any other, and no link in it is followed', async () => {
  await using rig = await startRig({}, async (incoming) => {
    const real = path.join(incoming, '../real');
    await mkdir(path.join(incoming, '../outside'));
    await mkdir(real);
    await symlink(real, incoming);
  });
  await until(() => rig.of('rescan finished').length === 2);
  await symlink(rig.at('../outside'), rig.at('link'));
  await writeFile(rig.at('../outside/secret.tar'), tarOf([100]));
  await symlink(rig.at('../outside/secret.tar'), rig.at('link.tar'));
  await mkdir(rig.at('2025'));
  for (const tar of ['1.tar', '2025/2.tar']) {
    await writeFile(rig.at(tar), tarOf([100]));
    await until(() => tar in foundBy(rig));
  }
  await writeFile(rig.at('link/another.tar'), tarOf([100]));
  await writeFile(rig.at('2025/3.tar'), tarOf([100]));
  await until(() => '2025/3.tar' in foundBy(rig));
  expect(foundBy(rig)).toEqual({ '1.tar': 'event', '2025/2.tar': 'event', '2025/3.tar': 'event' });
});

test('the landing directory that is removed and made again is watched still', async () => {
  await using rig = await startRig();
  await until(() => rig.of('rescan finished').length === 2); // at the start, and for what came before all was watched
  await mkdir(rig.at('2025'));
  await writeFile(rig.at('2025/1.tar'), tarOf([100]));
  await until(() => '2025/1.tar' in foundBy(rig));
  await rm(rig.incoming, { recursive: true });
  await mkdir(rig.at('2025'), { recursive: true });
  await writeFile(rig.at('2025/2.tar'), tarOf([100]));
  await until(() => '2025/2.tar' in foundBy(rig));
  expect(foundBy(rig)).toMatchObject({ '2025/2.tar': 'event' });
});
