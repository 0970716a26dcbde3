import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { chmod, mkdir, readFile, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { listMirrors, verifyMirror } from '../../src/maintenance/mirror/index.ts';
import { CATALOGUE, DAY, FIRST, never, startMirrorRig } from '../support/mirror-rig.ts';
import { until } from '../support/ports.ts';
import { fillDisk, mountSmallDisk } from '../support/small-disk.ts';

// A mirror under faults, and its command.

const run = promisify(execFile);

test('a full disk ends it with its name, and the next run with room goes through', async () => {
  await using disk = await mountSmallDisk(8);
  await using made = await startMirrorRig({ dir: join(disk.path, 'mirrors') });
  made.put('a.wav', randomBytes(2_000_000));
  await made.run();
  made.put('b.wav', randomBytes(3_000_000));
  const ballast = await fillDisk(disk.path);
  await expect(made.run(FIRST + DAY)).rejects.toMatchObject({ code: 'DISK_FULL' });
  expect((await readdir(made.dir)).toSorted()).toEqual(['.wavspool', '2026-11-20', 'latest']);
  await rm(ballast);
  expect(await made.run(FIRST + DAY)).toMatchObject({ files: 2, linked: 1 });
  expect(await readlink(join(made.dir, 'latest'))).toBe('2026-11-21');
});

test('an abort takes everything back', async () => {
  await using made = await startMirrorRig();
  for (let file = 0; file < 300; file += 1) made.put(`${file}.wav`, randomBytes(20_000));
  const stop = new AbortController();
  const running = made.run(FIRST, {}, {}, stop.signal);
  while (!existsSync(made.dir) || (await readdir(made.dir)).length === 0) await sleep(2);
  stop.abort(new Error('stop'));
  await expect(running).rejects.toThrow('stop');
  expect(await readdir(made.dir)).toEqual([]);
});

test('kill -9 at any moment leaves the old or the new, never neither, and nothing unfinished under a date', async () => {
  await using made = await startMirrorRig();
  for (let file = 0; file < 100; file += 1) made.put(`some/${file}.wav`, randomBytes(10_000));
  const child = join(import.meta.dirname, 'mirror-child.ts');
  /** Kills it with its rsync, or alone: the kernel ends that rsync then. */
  const once = async (killAfterMs?: number, alone = false): Promise<number> => {
    const startedAt = performance.now();
    const started = spawn(process.execPath, [child, made.source, made.dir], {
      detached: true,
      stdio: 'inherit',
    });
    const gone = new Promise((resolve) => started.on('close', resolve));
    if (killAfterMs !== undefined) {
      await Promise.race([sleep(killAfterMs), gone]);
      if (started.exitCode === null) process.kill(alone ? started.pid! : -started.pid!, 'SIGKILL');
    }
    await gone;
    return performance.now() - startedAt;
  };
  const fullMs = await once();
  const kills = Number(process.env['WAVSPOOL_MIRROR_KILLS'] ?? 50);
  let unfinished = 0;
  for (let round = 0; round < kills; round += 1) {
    made.put(`some/${round % 100}.wav`, randomBytes(10_000), Date.now());
    await once(fullMs * (0.25 + 0.75 * ((round * 0.618) % 1)), round % 3 === 0);
    const listed = await listMirrors(made.mirror, CATALOGUE);
    // the newest, or the one before where the names were just about to change
    expect(listed.slice(0, 2).map(({ name }) => name)).toContain(await readlink(join(made.dir, 'latest')));
    for (const { verified, files } of listed)
      expect({ verified, files }).toEqual({ verified: true, files: 100 });
    unfinished += (await readdir(made.dir)).filter((name) => name.startsWith('.wavspool-')).length;
    for (const one of listed.slice(0, 1)) expect((await verifyMirror(one, never)).ok).toBe(true);
  }
  expect(unfinished).toBeGreaterThan(kills / 10); // it was hit in the middle
  await once();
  expect((await readdir(made.dir)).filter((name) => name.startsWith('.wavspool-'))).toEqual([]);
  const [newest] = await listMirrors(made.mirror, CATALOGUE);
  expect(newest?.name).toMatch(/^\d{4}-\d\d-\d\d$/);
  expect(await readlink(join(made.dir, 'latest'))).toBe(newest?.name);
  const latest = join(made.dir, 'latest');
  const differs = await run('diff', ['-r', '-x', '.wavspool.sha256', made.source, latest]);
  expect(differs.stdout).toBe('');
});

/** The command lines of every rsync on this host. */
async function commandLines(): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.startsWith('rsync\0'));
}

test('an rsync whose wavspool was killed does not go on copying', async () => {
  await using made = await startMirrorRig();
  for (let file = 0; file < 3000; file += 1) made.put(`some/${file}.wav`, 'small');
  const child = join(import.meta.dirname, 'mirror-child.ts');
  const started = spawn(process.execPath, [child, made.source, made.dir], { stdio: 'inherit' });
  const copied = async (): Promise<number> => {
    const [partial] = existsSync(made.dir) ? await readdir(made.dir) : [];
    const some = join(made.dir, partial ?? '', 'tree/some');
    return existsSync(some) ? (await readdir(some)).length : 0;
  };
  while ((await copied()) === 0) await sleep(1);
  started.kill('SIGKILL');
  await until(
    'no rsync runs',
    async () =>
      !(await commandLines()).some(
        (line) => line.includes('--link-dest') || line.includes('/proc/self/fd/4/'),
      ),
  );
  expect(await copied()).toBeLessThan(3000);
  await made.run();
  expect((await readdir(made.dir)).toSorted()).toEqual(['.wavspool', '2026-11-20', 'latest']);
});

test('the command prints the path; it names what it lacks, what it does not know, and what rsync could not read', async () => {
  await using made = await startMirrorRig();
  made.put('a.wav', 'a');
  const { home } = made;
  const db = new Database(join(home, 'app.db'));
  db.exec('CREATE TABLE t(a); INSERT INTO t VALUES(1)');
  const config = join(home, 'wavspool.yaml');
  await writeFile(
    config,
    JSON.stringify({
      paths: { data: join(home, 'data') },
      databases: [{ name: 'app', path: db.name }],
      mirrors: [{ ...made.mirror, databases: ['app'] }],
    }),
  );
  db.close();
  const command = [join(import.meta.dirname, '../../bin/wavspool.js'), '--config', config, 'mirror'];
  const wavspool = async (
    args: readonly string[],
    path = process.env['PATH'],
  ): Promise<{ code: number; stdout: string; stderr: string }> =>
    run(process.execPath, [...command, ...args], { env: { ...process.env, PATH: path } }).then(
      (said) => ({ code: 0, ...said }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  const done = await wavspool(['audio']);
  expect(done).toMatchObject({ code: 0, stderr: '' });
  expect(dirname(done.stdout)).toBe(made.dir);
  expect((await readdir(done.stdout.trim())).toSorted()).toEqual(['.wavspool.sha256', 'a.wav', 'app.db']);
  const shown = JSON.parse((await wavspool(['--json', 'audio'])).stdout) as object;
  expect(shown).toMatchObject({ mirror: 'audio', databases: ['app.db'], linked: 1, removed: [] });
  expect(await wavspool(['video'])).toMatchObject({ code: 2, stdout: '' });
  expect((await wavspool(['video'])).stderr).toContain(
    'the settings name no mirror "video"; there are: audio',
  );

  const programs = join(home, 'programs'); // all that it needs but rsync
  await mkdir(programs);
  await symlink('/usr/bin/setpriv', join(programs, 'setpriv'));
  const without = await wavspool(['audio'], programs);
  expect(without.code).toBe(3);
  expect(without.stderr).toContain('rsync is not installed: apt-get install rsync');
  expect((await readdir(made.dir)).filter((name) => name.startsWith('.wavspool-'))).toEqual([]);
  expect(basename(await readlink(join(made.dir, 'latest')))).toMatch(/^\d{4}-\d\d-\d\d$/);
  // the second one of the day has its date, and the first one a time
  const dates = (await readdir(made.dir)).filter((name) => /^\d/.test(name)).toSorted();
  expect(dates).toEqual([
    expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
    expect.stringMatching(/^\d{4}-\d\d-\d\d_\d{6}$/),
  ]);
});

test('a file that cannot be read fails the run, and a tree with closed directories can be removed, without being root', async () => {
  await using made = await startMirrorRig();
  made.put('closed/secret.wav', 'secret');
  made.put('closed/inner/other.wav', 'other');
  await run('chown', ['-R', '65534:65534', made.home]);
  await chmod(made.home, 0o755);
  const child = join(import.meta.dirname, 'mirror-child.ts');
  const asNobody = (): Promise<{ stderr: string }> =>
    run(process.execPath, [child, made.source, made.dir, '65534'], { cwd: made.home });
  await chmod(join(made.source, 'closed/inner'), 0o500);
  await chmod(join(made.source, 'closed'), 0o500);
  await asNobody();
  const [first] = await listMirrors(made.mirror, CATALOGUE);
  expect(first).toMatchObject({ files: 2, verified: true });
  made.put('closed/secret.wav', 'another one', FIRST);
  await run('chown', ['0:0', join(made.source, 'closed/secret.wav')]);
  await chmod(join(made.source, 'closed/secret.wav'), 0o600);
  const failed = await asNobody().then(
    () => '',
    (error: { stderr: string }) => error.stderr,
  );
  expect(failed).toMatch(/rsync ended with 23: .*secret\.wav.*Permission denied/);
  expect((await readdir(made.dir)).toSorted()).toEqual(['.wavspool', first?.name, 'latest']); // the unfinished tree is gone too
  await run('chown', ['65534:65534', join(made.source, 'closed/secret.wav')]);
  for (let more = 0; more < 3; more += 1) await asNobody();
  const kept = await listMirrors(made.mirror, CATALOGUE); // its keep is 3
  expect(kept).toHaveLength(3);
  expect(kept.map(({ at }) => at)).not.toContain(first?.at);
  expect((await readdir(made.dir)).filter((name) => name.startsWith('.wavspool-'))).toEqual([]);
  expect(statSync(join(kept[0]!.path, 'closed')).mode & 0o777).toBe(0o500);
});
