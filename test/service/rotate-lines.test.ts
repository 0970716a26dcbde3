import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { mountSmallDisk } from '../support/small-disk.ts';
import {
  archivedNumbers,
  countLines,
  numbersIn,
  startLogWriter,
  startRotationRig,
  type RotationRig,
} from '../support/rotation.ts';

// P10 with writers in other processes: every line counted.

const ROTATIONS = 20;
const NOTHING = { lost: 0, twice: 0, disordered: 0 };
const KEEP = { rotate: 1_000_000 };

/** Rotates while the writer writes, and returns how its lines came through. */
async function rotateUnder(
  rig: RotationRig,
  writer: { rate: number; how?: string },
  pauseMs: number,
): Promise<{ count: ReturnType<typeof countLines>; ways: Set<string>; widestUs: number; lines: number }> {
  const running = await startLogWriter(rig.log, writer);
  const ways = new Set<string>();
  let widestUs = 0;
  for (let round = 0; round < ROTATIONS; round++) {
    await delay(pauseMs);
    const result = await rig.rotate(KEEP);
    if (result.outcome !== 'rotated')
      throw new Error(JSON.stringify(result), { cause: 'error' in result && result.error });
    ways.add(result.way);
    widestUs = Math.max(widestUs, result.windowUs);
  }
  const { lines } = await running.stop();
  const last = await rig.rotate(KEEP);
  if (last.outcome !== 'rotated') throw new Error(JSON.stringify(last));
  // with nobody writing any more the log is emptied altogether
  expect(await readFile(rig.log, 'utf8')).toBe('');
  const found = await archivedNumbers(rig.directory, rig.log);
  return { count: countLines(found, lines), ways, widestUs, lines };
}

test.each([
  ['1,000 lines/s', { rate: 1000 }],
  ['20,000 lines/s', { rate: 20_000 }],
  ['as many lines as it can', { rate: 0 }],
  ['a file opened anew for each of 5,000 lines/s', { rate: 5000, how: 'reopen' }],
])('P10: by collapse, a writer of %s loses no line, and none is archived twice', async (_, writer) => {
  await using rig = await startRotationRig();
  const { count, ways, lines } = await rotateUnder(rig, writer, 50);
  expect(lines).toBeGreaterThan(0);
  expect([...ways]).toEqual(['collapse']);
  expect(count).toEqual(NOTHING);
});
