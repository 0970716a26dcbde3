import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../../../src/platform/runtime/clock.ts';
import { createQuickReader } from '../../../../src/platform/runtime/read-exactly.ts';

const CONTENT = Buffer.from('recordings');

let directory: string;
let file: number;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-read-'));
  await writeFile(join(directory, 'file'), CONTENT);
  file = openSync(join(directory, 'file'), 'r');
});
afterAll(async () => {
  closeSync(file);
  await rm(directory, { recursive: true });
});

test.each([
  ['all of it', 0, 10, 'recordings'],
  ['a piece', 2, 4, 'cord'],
  ['what there is at the end', 7, 10, 'ngs'],
])('reads %s, whether the disk is quick or slow', async (_what, position, length, expected) => {
  for (const tookMs of [0, 100]) {
    const read = createQuickReader(slowClock(() => tookMs));
    for (let time = 0; time < 3; time++) {
      const bytes = await read(file, position, length, Buffer.alloc(length));
      expect(bytes.toString()).toBe(expected);
    }
  }
});

test('what takes long once is not waited for the next 64 times, and then tried again', async () => {
  let reads = 0;
  const read = createQuickReader(slowClock(() => (reads++, 100)));
  const at = async (): Promise<number> => {
    await read(file, 0, 10, Buffer.alloc(10));
    return reads;
  };
  expect(await at()).toBe(1);
  for (let time = 0; time < 64; time++) expect(await at()).toBe(1);
  expect(await at()).toBe(2);
});

/** A clock by which a read that is waited for takes as long as `took` says; other reads do not ask it. */
function slowClock(took: () => number): Clock {
  let asked = 0;
  let ms = 0;
  return {
    ...systemClock,
    monotonicMs: () => {
      asked += 1;
      if (asked % 2 === 0) ms += took();
      return ms;
    },
  };
}
