import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { mountOverlay, mountSmallDisk } from '../support/small-disk.ts';
import {
  archivedNumbers,
  countLines,
  startLogWriter,
  startRotationRig,
  type RotationRig,
  type WriterOptions,
} from '../support/rotation.ts';

// P10 with writers in other processes: every line counted.

const ROTATIONS = Number(process.env['WAVSPOOL_TEST_ROTATIONS'] ?? 5);
const NOTHING = { lost: 0, twice: 0, disordered: 0 };
const KEEP = { rotate: 1_000_000 };

/** Rotates while the writer writes, and returns how its lines came through. */
async function rotateUnder(
  rig: RotationRig,
  writer: WriterOptions,
  pauseMs: number,
): Promise<{ count: ReturnType<typeof countLines>; ways: Set<string>; windowsUs: number[]; lines: number }> {
  const running = await startLogWriter(rig.log, writer);
  const ways = new Set<string>();
  const windowsUs: number[] = [];
  for (let round = 0; round < ROTATIONS; round++) {
    await delay(pauseMs);
    const result = await rig.rotate(KEEP);
    if (result.outcome !== 'rotated')
      throw new Error(JSON.stringify(result), { cause: 'error' in result && result.error });
    ways.add(result.way);
    windowsUs.push(result.windowUs);
  }
  const { lines } = await running.stop();
  const last = await rig.rotate(KEEP);
  if (last.outcome !== 'rotated') throw new Error(JSON.stringify(last));
  // with nobody writing any more the log is emptied altogether
  expect(await readFile(rig.log, 'utf8')).toBe('');
  const found = await archivedNumbers(rig.directory, rig.log);
  return { count: countLines(found, lines), ways, windowsUs, lines };
}

test.each([
  ['1,000 lines/s', { rate: 1000 }],
  ['20,000 lines/s', { rate: 20_000 }],
  ['as many lines as it can', { rate: 0 }],
  ['a file opened anew for each of 5,000 lines/s', { rate: 5000, how: 'reopen' }],
])('P10: by collapse, a writer of %s loses no line, and none is archived twice', async (_, writer) => {
  await using rig = await startRotationRig();
  const { count, ways, lines } = await rotateUnder(rig, writer, 30);
  expect(lines).toBeGreaterThan(0);
  expect([...ways]).toEqual(['collapse']);
  expect(count).toEqual(NOTHING);
});

test('P10: a collapse through an overlay, as in a container, loses no line either', async () => {
  await using overlay = await mountOverlay();
  await using rig = await startRotationRig(overlay.path);
  const { count, ways } = await rotateUnder(rig, { rate: 5000 }, 30);
  expect([...ways]).toEqual(['collapse']);
  expect(count).toEqual(NOTHING);
});

test('P10: where the file system cannot collapse, the window that is reported bounds what a writer loses', async () => {
  await using disk = await mountSmallDisk(64);
  await using rig = await startRotationRig(disk.path);
  const rate = 1000;
  const { count, ways, windowsUs } = await rotateUnder(rig, { rate, bytes: 500, noBursts: true }, 100);
  expect([...ways]).toEqual(['window']);
  expect(windowsUs.every((us) => us > 0)).toBe(true);
  const most = windowsUs.reduce((sum, us) => sum + 1 + Math.floor((us * rate) / 1_000_000), 0);
  expect(count).toEqual({ ...NOTHING, lost: expect.any(Number) as number });
  expect(count.lost).toBeLessThanOrEqual(most);
});
