import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { rotateLog } from '../../src/logrotate/index.ts';
import {
  archivedNumbers,
  countLines,
  logEntry,
  startLogWriter,
  startRotationRig,
  type RotationRig,
} from '../support/rotation.ts';

// kill -9 at any moment of a rotation leaves every line in the log or in an archive, and once the next run has finished what
// was cut off, each of them in exactly one place (P3, P10).

const KILLS = Number(process.env['WAVSPOOL_TEST_KILLS'] ?? 50);
const CHILD = join(import.meta.dirname, '../support/rotate-child.ts');
const unsupported = async (): Promise<string> => 'Operation not supported';
const NOTHING = { lost: 0, twice: 0, disordered: 0 };

/** Rotates in a process of its own and kills it after `ms` of work. */
async function killAfter(rig: RotationRig, flags: readonly string[], ms: number): Promise<void> {
  const child = spawn(process.execPath, [CHILD, '--log', rig.log, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await delay(ms);
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Waits for a fallocate that outlived its parent: it holds the log's lock. */
async function untilUnlocked(rig: RotationRig): Promise<void> {
  const names = await readdir(rig.deps.directory).catch(() => []);
  const lock = names.find((name) => name.endsWith('.lock'));
  if (lock === undefined) return;
  const waiting = spawn('flock', [join(rig.deps.directory, lock), 'true']);
  await once(waiting, 'exit');
}

/** The numbers that are in an archive or in the log, whose first line a collapse may have left torn and whose last one is being written. */
async function allNumbers(rig: RotationRig): Promise<Set<number>> {
  const found = new Set(await archivedNumbers(rig.directory, rig.log));
  const live = await readFile(rig.log, 'utf8').catch(() => '');
  for (const [, number] of live.matchAll(/(?:^|\n)(\d{12}) x*(?=\n)/g)) found.add(Number(number));
  return found;
}

function gaps(numbers: Set<number>, count = Math.max(-1, ...[...numbers].slice(-1000)) + 1): number {
  let missing = 0;
  for (let number = 0; number < count; number += 1) missing += Number(!numbers.has(number));
  return missing;
}

/** Appends 400 lines from number `first` on and keeps the log open for append during `use`; returns the next number. */
async function logLines(rig: RotationRig, first: number, use: () => Promise<void>): Promise<number> {
  await using log = await open(rig.log, 'a');
  const lines = Array.from(
    { length: 400 },
    (_, at) => `${String(first + at).padStart(12, '0')} ${'x'.repeat(50)}\n`,
  );
  await log.appendFile(lines.join(''));
  await use();
  return first + lines.length;
}

async function finish(rig: RotationRig, compress: boolean): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    const result = await rig.rotate({ rotate: 1_000_000, compress, missingok: true });
    if (result.outcome === 'failed') throw result.error;
  }
  expect((await rig.names()).filter((name) => !/^app\.log(\.\d+(\.gz)?)?$/.test(name))).toEqual([]);
}

test('P10: collapsed under a writer, killed again and again: no line is lost, none is archived twice', async () => {
  await using rig = await startRotationRig();
  const writer = await startLogWriter(rig.log, { rate: 2000 });
  for (let kill = 0; kill < KILLS * 0.4; kill += 1) {
    await killAfter(rig, ['--compress'], Math.random() * 150);
    await untilUnlocked(rig);
    expect(gaps(await allNumbers(rig))).toBe(0);
  }
  const { lines } = await writer.stop();
  await finish(rig, true);
  expect(countLines(await archivedNumbers(rig.directory, rig.log), lines)).toEqual(NOTHING);
});

test.each([
  ['copied and truncated', ['--window', '--compress']],
  ['renamed', ['--move', '--compress']],
])('P3: %s, killed again and again: what was logged is in the log or in an archive', async (_, flags) => {
  await using rig = await startRotationRig();
  let lines = 0;
  for (let kill = 0; kill < KILLS * 0.3; kill += 1) {
    lines = await logLines(rig, lines, () => killAfter(rig, flags, Math.random() * 100));
    expect(gaps(await allNumbers(rig), lines)).toBe(0);
  }
  await finish(rig, true);
  expect(countLines(await archivedNumbers(rig.directory, rig.log), lines)).toEqual(NOTHING);
});

test.each([
  ['before the collapse', ['--die', 'before-collapse'], 'collapse'],
  ['between the collapse and its being written down', ['--die', 'after-collapse'], 'collapse'],
  ['before the truncation', ['--window', '--die', 'before-truncation'], 'window'],
  ['between the truncation and its being written down', ['--window', '--die', 'after-truncation'], 'window'],
])('P10: killed %s, the next run finishes that rotation', async (_, flags, way) => {
  await using rig = await startRotationRig();
  let lines = await logLines(rig, 0, async () => {
    const child = spawn(process.execPath, [CHILD, '--once', '--log', rig.log, ...flags], { stdio: 'ignore' });
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
  });
  expect(gaps(await allNumbers(rig), lines)).toBe(0);
  lines = await logLines(rig, lines, async () => {
    const deps = way === 'window' ? { ...rig.deps, collapse: unsupported } : rig.deps;
    const entry = logEntry(rig.log, { rotate: 1_000_000 });
    const results = await rotateLog(deps, entry, {}, new AbortController().signal);
    expect(results).toMatchObject([{ outcome: 'rotated', finished: true, way }]);
  });
  await finish(rig, false);
  expect(countLines(await archivedNumbers(rig.directory, rig.log), lines)).toEqual(NOTHING);
});
