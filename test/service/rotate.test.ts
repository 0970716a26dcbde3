import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  chmod,
  chown,
  mkdir,
  open,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openReporting } from '../../src/platform/log/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { rotateLog, rotationState } from '../../src/maintenance/logrotate/index.ts';
import { runLogrotate } from '../support/logrotate.ts';
import { fillDisk, mountSmallDisk } from '../support/small-disk.ts';
import {
  archivedNumbers,
  countLines,
  logEntry,
  startLogWriter,
  startRotationRig,
  type RotationRig,
} from '../support/rotation.ts';

const NOTHING = { lost: 0, twice: 0, disordered: 0 };
const MEBIBYTE = 1024 * 1024;
const ROOT = join(import.meta.dirname, '../..');
const archiveOf = (rig: RotationRig, number = 1): Promise<string> => readFile(`${rig.log}.${number}`, 'utf8');

test('P10: a log that a process holds open keeps its last archived lines in front, archives them once, and counts as empty', async () => {
  await using rig = await startRotationRig();
  const log = await open(rig.log, 'a');
  await log.appendFile('one\ntwo\nhal');
  expect(await rig.rotate()).toMatchObject({ way: 'collapse', windowUs: 0, bytes: 8, linesInFront: 2 });
  expect(await archiveOf(rig)).toBe('one\ntwo\n');
  expect(await readFile(rig.log, 'utf8')).toBe('one\ntwo\nhal');
  await log.appendFile('f\nthree\n');
  expect(await rig.rotate()).toMatchObject({ outcome: 'rotated', bytes: 11, linesInFront: 4 });
  expect(await archiveOf(rig)).toBe('half\nthree\n');
  expect(await rig.rotate({ notifempty: true }, { force: true })).toEqual({
    log: rig.log,
    outcome: 'skipped',
    reason: 'it is empty',
  });
  expect(await rig.rotate({ minsize: 1 })).toMatchObject({ reason: 'it is below minsize' });

  const block = (await stat(rig.log)).blksize;
  const long = `${'x'.repeat(block * 3)}\n`;
  await log.appendFile(long);
  expect(await rig.rotate()).toMatchObject({ way: 'collapse', bytes: long.length });
  expect(await archiveOf(rig)).toBe(long);
  expect((await stat(rig.log)).size).toBeLessThanOrEqual(block);

  await log.appendFile('last\n');
  await log.close();
  expect(await rig.rotate()).toMatchObject({ way: 'window', bytes: 5, linesInFront: 0 });
  expect(await archiveOf(rig)).toBe('last\n');
  expect(await readFile(rig.log, 'utf8')).toBe('');
});

test('lines that an archive holds count as new when another program has emptied or replaced the log', async () => {
  await using rig = await startRotationRig();
  const log = await open(rig.log, 'a');
  await log.appendFile('one\ntwo\n');
  await rig.rotate();
  await truncate(rig.log);
  await log.appendFile('new\n');
  await rig.rotate();
  expect(await archiveOf(rig)).toBe('new\n');
  await log.close();
  await unlink(rig.log);
  await writeFile(rig.log, 'new\n');
  expect(await rig.rotate()).toMatchObject({ bytes: 4 });
});

test('P10: a writer without O_APPEND is named beforehand, and its log is truncated as logrotate would', async () => {
  await using rig = await startRotationRig();
  const writer = await startLogWriter(rig.log, { rate: 200, how: 'offset' });
  expect(await rig.rotate()).toMatchObject({ outcome: 'rotated', way: 'window' });
  await writer.stop();
  const fields = { log: rig.log, writerPid: writer.pid, program: expect.any(String) as string };
  expect(rig.events).toContainEqual({ event: 'log writer without append', fields });
});

test('every rotation ends in one event, with its way and its window', async () => {
  await using rig = await startRotationRig();
  await writeFile(rig.log, 'x\n');
  await rig.rotate();
  await rig.rotate({ notifempty: true });
  await rm(rig.log);
  await rig.rotate();
  await rig.rotate({}, { only: 'maxsize' });
  expect(rig.events).toMatchObject([
    { event: 'log rotated', fields: { log: rig.log, archive: `${rig.log}.1`, way: 'window', bytes: 2 } },
    { event: 'log rotation skipped', fields: { reason: 'it is empty' } },
    { event: 'log rotation failed', fields: { code: 'LOG_MISSING', cause: 'missing' } },
  ]);
  expect(await rotationState(rig.deps.directory, logEntry(rig.log))).toMatchObject([
    { log: rig.log, unfinished: false, last: { archive: `${rig.log}.1`, way: 'window', bytes: 2 } },
  ]);
});

test('between its runs a log is rotated when it is above maxsize, and looked at in silence when not', async () => {
  await using rig = await startRotationRig();
  await writeFile(rig.log, 'x'.repeat(100));
  expect(await rig.rotate({ maxsize: 100 }, { only: 'maxsize' })).toMatchObject({ outcome: 'skipped' });
  expect(await rig.names()).toEqual(['app.log']);
  expect(rig.events).toEqual([]);
  await appendFile(rig.log, 'y');
  expect(await rig.rotate({ maxsize: 100 }, { only: 'maxsize' })).toMatchObject({
    outcome: 'rotated',
    bytes: 101,
  });
});

test('a pattern gives a result for each log, in a directory that is made, and one that fails stops no other', async () => {
  await using rig = await startRotationRig();
  for (const name of ['a.log', 'b.log', 'c.log']) await writeFile(join(rig.directory, name), `${name}\n`);
  const dir = join(rig.directory, 'old');
  const now = new Date(rig.deps.clock.now()).toISOString().slice(0, 10);
  await mkdir(dir);
  await writeFile(join(dir, `b-${now}.log.gz`), '');
  const made = join(rig.directory, 'made');
  const entry = logEntry(join(rig.directory, '?.log'), {
    dir,
    file: '{name}-{YYYY-MM-DD}.log',
    compress: true,
  });
  const signal = new AbortController().signal;
  const results = await rotateLog(rig.deps, entry, {}, signal);
  expect(results).toMatchObject([
    { outcome: 'rotated', archive: join(dir, `a-${now}.log.gz`) },
    { outcome: 'failed', code: 'ARCHIVE_TAKEN' },
    { outcome: 'rotated', archive: join(dir, `c-${now}.log.gz`) },
  ]);
  expect(await readFile(join(rig.directory, 'b.log'), 'utf8')).toBe('b.log\n');
  await rotateLog(rig.deps, { ...entry, dir: made }, {}, signal);
  expect(((await stat(made)).mode & 0o777).toString(8)).toBe('750');
});

test('an archive has mode, owner and time of its log', async () => {
  await using rig = await startRotationRig();
  await writeFile(rig.log, 'x\n');
  await chmod(rig.log, 0o640);
  if (process.getuid?.() === 0) await chown(rig.log, 12_345, 12_345);
  const log = await stat(rig.log);
  await rig.rotate({ compress: true });
  const archive = await stat(`${rig.log}.1.gz`);
  expect([archive.mode, archive.uid, archive.gid]).toEqual([log.mode, log.uid, log.gid]);
  expect(archive.mtime).toEqual(log.mtime);
});

test('a sparse log keeps its size and its holes in the archive (0062, 0063)', async () => {
  await using rig = await startRotationRig();
  await writeFile(rig.log, 'begin\n');
  await truncate(rig.log, 16 * MEBIBYTE);
  await appendFile(rig.log, 'end\n');
  await truncate(rig.log, 32 * MEBIBYTE);
  const { size } = await stat(rig.log);
  await rig.rotate();
  const archive = await stat(`${rig.log}.1`);
  expect(archive.size).toBe(size);
  expect(archive.blocks * 512).toBeLessThan(MEBIBYTE);
  const content = await readFile(`${rig.log}.1`);
  expect(String(content.subarray(16 * MEBIBYTE, 16 * MEBIBYTE + 4))).toBe('end\n');
});

test('three rotations of a log at once wait for each other', async () => {
  await using rig = await startRotationRig();
  const writer = await startLogWriter(rig.log, { rate: 2000 });
  const entry = logEntry(rig.log, { rotate: 1_000_000 });
  const both = [1, 2, 3].map(() => rotateLog(rig.deps, entry, {}, new AbortController().signal));
  const results = (await Promise.all(both)).flat();
  expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['rotated']));
  const { lines } = await writer.stop();
  await rig.rotate(entry);
  expect(countLines(await archivedNumbers(rig.directory, rig.log), lines)).toEqual(NOTHING);
});

test('a renamed log that is still written to is compressed at the first rotation that finds it let go', async () => {
  await using rig = await startRotationRig();
  const log = await open(rig.log, 'a');
  await log.appendFile('one\n');
  const renamed = { copytruncate: false, compress: true, missingok: true };
  expect(await rig.rotate(renamed)).toMatchObject({
    outcome: 'rotated',
    way: 'move',
    archive: `${rig.log}.1`,
  });
  expect(rig.events.map(({ event }) => event)).toContain('archive still written');
  await log.appendFile('two\n');
  await writeFile(rig.log, 'three\n');
  expect(await rig.rotate(renamed)).toMatchObject({ outcome: 'skipped' });
  await rm(rig.log);
  await log.close();
  expect(await rig.rotate(renamed)).toMatchObject({ outcome: 'skipped' });
  expect(await rig.names()).toEqual(['app.log.1.gz']);
  expect(spawnSync('gzip', ['-dc', `${rig.log}.1.gz`], { encoding: 'utf8' }).stdout).toBe('one\ntwo\n');
});

test('P3: on a full disk the log and the names stay as they are, and nothing is left lying about', async () => {
  await using disk = await mountSmallDisk(8);
  await using rig = await startRotationRig(disk.path);
  const content = 'x'.repeat(2_000_000);
  await writeFile(rig.log, content);
  await writeFile(`${rig.log}.1`, 'old');
  const ballast = await fillDisk(disk.path);
  expect(await rig.rotate({ compress: true })).toMatchObject({
    outcome: 'failed',
    code: 'DISK_FULL',
    archive: null,
  });
  expect(await rig.names()).toEqual(['app.log', 'app.log.1']);
  expect(await readFile(rig.log, 'utf8')).toBe(content);
  await unlink(ballast);
  expect(await rig.rotate()).toMatchObject({ outcome: 'rotated', bytes: content.length });
});

test('P10: a disk that is full when the log is to be cut leaves it whole, and the next rotation goes on behind the archive', async () => {
  await using disk = await mountSmallDisk(8);
  await using elsewhere = await startRotationRig();
  const first = `${'x'.repeat(5000)}\n`;
  const second = `${'y'.repeat(50_000)}\n`;
  let ballast: string | undefined;
  const fillingUp = async (): Promise<string> => {
    if (ballast !== undefined) return 'Operation not supported';
    await appendFile(rig.log, second);
    ballast = await fillDisk(disk.path);
    return 'Operation not supported';
  };
  await using rig = await startRotationRig(disk.path, {
    collapse: fillingUp,
    directory: elsewhere.deps.directory,
  });
  await using log = await open(rig.log, 'a');
  await log.appendFile(first);
  expect(await rig.rotate()).toMatchObject({ outcome: 'failed', code: 'DISK_FULL', archive: `${rig.log}.1` });
  expect(await archiveOf(rig)).toBe(first);
  expect(await readFile(rig.log, 'utf8')).toBe(first + second);
  await unlink(ballast ?? '');
  expect(await rig.rotate()).toMatchObject({ outcome: 'rotated', bytes: second.length, way: 'window' });
  expect(await archiveOf(rig)).toBe(second);
  expect(await readFile(rig.log, 'utf8')).toBe('');
});

test('a state file that says nothing of sense is a fault, not a guess', async () => {
  await using rig = await startRotationRig();
  await writeFile(rig.log, 'x\n');
  await rig.rotate();
  const [state = ''] = (await readdir(rig.deps.directory)).filter((name) => name.endsWith('.json'));
  await writeFile(join(rig.deps.directory, state), '{');
  await writeFile(rig.log, 'y\n');
  expect(await rig.rotate()).toMatchObject({ outcome: 'failed', code: 'ROTATION_STATE_DAMAGED' });
  expect(await readFile(rig.log, 'utf8')).toBe('y\n');
});

test('a pipe in place of the log is a fault and does not hang (0112)', async () => {
  await using rig = await startRotationRig();
  spawnSync('mkfifo', [rig.log]);
  expect(await rig.rotate()).toMatchObject({ outcome: 'failed', code: 'LOG_UNUSABLE' });
});

test("wavspool's own log survives its rotation by any program", async () => {
  await using rig = await startRotationRig();
  const own = openReporting(
    { file: rig.log, site: 'x', role: 'test', stderrLevel: 'error', fileLevel: 'debug' },
    systemClock,
  );
  let said = 0;
  const say = (lines: number): void => {
    for (let line = 0; line < lines; line += 1)
      own.report('heartbeat failed', { err: `line ${(said += 1)}`, times: 1 });
  };
  const entry = logEntry(rig.log, { rotate: 100 });
  say(100);
  expect(await rig.rotate(entry)).toMatchObject({ way: 'collapse' });
  say(100);
  expect(runLogrotate(rig.directory, entry, Date.now()).ok).toBe(true);
  say(100);
  expect(runLogrotate(rig.directory, { ...entry, copytruncate: false }, Date.now()).ok).toBe(true);
  say(100);
  await rename(rig.log, `${rig.log}.0`);
  say(100);
  await unlink(rig.log);
  say(100);
  own.close();
  expect(await linesOf(rig)).toBe(said - 100);
});

/** How many different lines there are in the log and its archives; throws where one is no JSON. */
async function linesOf(rig: RotationRig): Promise<number> {
  const found = new Set<string>();
  for (const name of (await rig.names()).filter((name) => name.startsWith('app.log'))) {
    const text = await readFile(join(rig.directory, name), 'utf8');
    for (const [at, line] of text.split('\n').entries()) {
      // a collapse may leave the end of an archived line at the very beginning of the log
      if (line === '' || (at === 0 && !line.startsWith('{'))) continue;
      found.add((JSON.parse(line) as { err: { message: string } }).err.message);
    }
  }
  return found.size;
}

test('rotate on the command line: needs no service, takes a path, a name or nothing, and says what it did', async () => {
  await using rig = await startRotationRig();
  const config = join(rig.directory, 'wavspool.yaml');
  const cron = '0 1 * * *';
  const logs = [
    { path: rig.log, cron, compress: true, minsize: '1KiB' },
    { path: join(rig.directory, 'other*.log'), cron, missingok: true },
  ];
  await writeFile(config, JSON.stringify({ paths: { data: join(rig.directory, '.state') }, logs }));
  await writeFile(rig.log, 'x\n');
  const wavspool = async (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
    const child = spawn(process.execPath, [
      join(ROOT, 'bin/wavspool.js'),
      '--config',
      config,
      'rotate',
      ...args,
    ]);
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => (said.stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (said.stderr += String(chunk)));
    const [code] = (await once(child, 'close')) as [number];
    return { code, ...said };
  };
  const json = async (...args: string[]): Promise<unknown> =>
    JSON.parse((await wavspool('--json', ...args)).stdout);

  expect(await json()).toMatchObject({
    logs: [
      { outcome: 'skipped', reason: 'it is below minsize' },
      { outcome: 'skipped', reason: 'it is missing' },
      // wavspool's own, as every night
      { log: join(rig.directory, '.state/logs/wavspool.log'), outcome: 'skipped', reason: 'it is missing' },
    ],
  });
  expect(await json('app.log', '--force', '--dry-run')).toMatchObject({
    logs: [{ log: rig.log, outcome: 'due', archive: `${rig.log}.1.gz`, bytes: 2 }],
  });
  expect(await rig.names()).toEqual(['app.log', 'wavspool.yaml']);
  const forced = await wavspool(rig.log, '--force');
  expect(forced.code).toBe(0);
  expect(forced.stdout).toMatch(/app\.log +rotated +\S+app\.log\.1\.gz +2/);
  await writeFile(join(rig.directory, 'other1.log'), 'y\n');
  expect(await json('other1.log')).toMatchObject({ logs: [{ outcome: 'rotated' }] });
  const unknown = await wavspool('nope.log');
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain(rig.log);
  await unlink(rig.log);
  const failed = await wavspool('--json');
  expect(failed.code).toBe(1);
  expect(JSON.parse(failed.stdout)).toMatchObject({
    logs: [{ outcome: 'failed', code: 'LOG_MISSING' }, {}, {}],
  });
});
