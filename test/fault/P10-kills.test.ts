import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { CollapseRange } from '../../src/maintenance/logrotate/index.ts';
import {
  archivedNumbers,
  countLines,
  startLogWriter,
  startRotationRig,
  type RotationRig,
} from '../support/rotation.ts';

// kill -9 at any moment of a rotation leaves every line in the log or in an archive, and once the next run has finished what
// was cut off, each of them in exactly one place (P3, P10).

const KILLS = Number(process.env['WAVSPOOL_TEST_KILLS'] ?? 20);
const CHILD = join(import.meta.dirname, '../support/rotate-child.ts');
const NOTHING = { lost: 0, twice: 0, disordered: 0 };
const unsupported: CollapseRange = async () => 'Operation not supported';
/** Children at once, where they do not disturb each other. */
const ABREAST = 3;

test.each([
  ['collapsed', [], { copytruncate: true }],
  ['copied and truncated', ['--window'], { copytruncate: true }],
  ['renamed', ['--move'], { copytruncate: false }],
])('P3, P10: %s, killed before each of its changes to the disk', async (_, flags, entry) => {
  let deaths = 0;
  for (let first = 1; ; first += ABREAST) {
    const died = await Promise.all(
      Array.from({ length: ABREAST }, (_unused, at) => dieAndFinish(first + at, flags, entry)),
    );
    deaths += died.filter(Boolean).length;
    if (died.includes(false)) break;
  }
  expect(deaths).toBeGreaterThan(15);
});

/**
 * A rotation that dies before its `change`th change, and the runs after it; false when it makes fewer changes. There are
 * archives before it, of which the last is to be removed.
 */
async function dieAndFinish(
  change: number,
  flags: readonly string[],
  entry: { copytruncate: boolean },
): Promise<boolean> {
  await using rig = await startRotationRig(
    undefined,
    flags.includes('--window') ? { collapse: unsupported } : {},
  );
  await writeFile(`${rig.log}.2.gz`, gzipSync(linesFrom(0, 100)));
  await writeFile(`${rig.log}.1.gz`, gzipSync(linesFrom(100, 100)));
  await writeFile(`${rig.log}.6.gz`, gzipSync(''));
  const log = await open(rig.log, 'a');
  await log.appendFile(linesFrom(200, 200));
  const args = [
    '--log',
    rig.log,
    '--once',
    '--compress',
    '--rotate',
    '6',
    '--die-at',
    String(change),
    ...flags,
  ];
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  await untilUnlocked(rig);
  expect(gaps(await allNumbers(rig), 400)).toBe(0);
  await log.appendFile(linesFrom(400, 100));
  await log.utimes(1, 1); // so that it counts as still at once
  await log.close();
  await finish(rig, { ...entry, rotate: 6 });
  expect(await rig.names()).not.toContain('app.log.7.gz');
  expect(countLines(await archivedNumbers(rig.directory, rig.log), 500)).toEqual(NOTHING);
  return code === null;
}

test('P10: collapsed under a writer, killed again and again: no line is lost, none is archived twice', async () => {
  await using rig = await startRotationRig();
  const writer = await startLogWriter(rig.log, { rate: 2000 });
  for (let kill = 0; kill < KILLS; kill += 1) {
    const child = spawn(process.execPath, [CHILD, '--log', rig.log, '--compress'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await delay(Math.random() * 200);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await untilUnlocked(rig);
    expect(gaps(await allNumbers(rig))).toBe(0);
  }
  const { lines } = await writer.stop();
  await finish(rig, { rotate: 1_000_000 });
  expect(countLines(await archivedNumbers(rig.directory, rig.log), lines)).toEqual(NOTHING);
});

function linesFrom(first: number, count: number): string {
  const padding = 'x'.repeat(50);
  return Array.from(
    { length: count },
    (_, at) => `${String(first + at).padStart(12, '0')} ${padding}\n`,
  ).join('');
}

/** Waits for a fallocate that outlived its parent: it holds the log's lock. */
async function untilUnlocked(rig: RotationRig): Promise<void> {
  const lock = (await stateFiles(rig)).find((name) => name.endsWith('.lock'));
  if (lock !== undefined) await once(spawn('flock', [join(rig.deps.directory, lock), 'true']), 'exit');
}

async function stateFiles(rig: RotationRig): Promise<readonly string[]> {
  return readdir(rig.deps.directory).catch(() => []); // not there before the first rotation
}

/** The numbers that are in an archive or in the log, whose first line a collapse may have left torn and whose last one is being written. */
async function allNumbers(rig: RotationRig): Promise<Set<number>> {
  const found = new Set(await archivedNumbers(rig.directory, rig.log));
  const live = await readFile(rig.log, 'utf8').catch(() => ''); // renamed
  for (const [, number] of live.matchAll(/(?:^|\n)(\d{12}) x*(?=\n)/g)) found.add(Number(number));
  return found;
}

function gaps(
  numbers: Set<number>,
  count = numbers.values().reduce((most, one) => Math.max(most, one), -1) + 1,
): number {
  return Array.from({ length: count }, (_, number) => number).filter((number) => !numbers.has(number)).length;
}

/** Lets the next runs finish what was cut off, and archive what is left. */
async function finish(rig: RotationRig, entry: { rotate: number; copytruncate?: boolean }): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    const result = await rig.rotate({ ...entry, compress: true, missingok: true, notifempty: true });
    if (result.outcome === 'failed') throw result.error;
  }
  expect((await rig.names()).filter((name) => !/^app\.log(\.\d+\.gz)?$/.test(name))).toEqual([]);
  const kept = (await stateFiles(rig)).map((name) => name.replace(/^.*\./, '')).toSorted();
  expect(kept).toEqual(['json', 'lock']);
}
