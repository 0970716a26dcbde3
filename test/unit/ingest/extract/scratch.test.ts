import { expect, test } from 'vitest';
import { openScratchOfTar, type Scratch } from '../../../../src/ingest/extract/scratch.ts';

const staged = (i: number, sha256 = `${i}`) => ({
  member: `${i}.wav`,
  relativePath: `${i}.wav`,
  temporary: `/t${i}`,
  size: 5,
  sha256,
  wav: { valid: true, durationMs: i, codec: undefined, sampleRate: 8000, channels: 1 },
});
const seqs = (scratch: Scratch): readonly number[] => [...scratch.staged()].flat().map(({ seq }) => seq);

// in memory alone, exactly at the limit, and much more of it on disk
test.each([1, 9, 10, 11, 1203])('%i recordings come back as they were staged, with their places', (count) => {
  const scratch = openScratchOfTar(10);
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  for (const i of numbers) scratch.stage(staged(i));
  expect(scratch.taken()).toEqual({ recordings: count, bytes: 5 * count });
  expect(seqs(scratch)).toEqual(numbers);
  expect(new Set(scratch.temporaries())).toEqual(new Set(numbers.map((i) => `/t${i}`)));
  for (const page of scratch.staged())
    for (const { seq, recording } of page) scratch.place(seq, `/x/${recording.relativePath}`);
  const placed = numbers.map((i) => {
    const { member, size, sha256, wav } = staged(i);
    return { path: `/x/${i}.wav`, member, size, sha256, wav };
  });
  for (let walk = 0; walk < 2; walk++) expect([...scratch.placed()].flat()).toEqual(placed);
  scratch.discard();
});

test.each([2, 10, 100])('of equal recordings in one place there is one, with %i in memory', (inMemory) => {
  const scratch = openScratchOfTar(inMemory);
  for (let i = 1; i <= 25; i++) scratch.stage(staged(i, 'same'));
  for (let seq = 1; seq <= 25; seq++) scratch.place(seq, seq % 2 === 0 ? '/x/even.wav' : `/x/${seq}.wav`);
  const paths = [...scratch.placed()].flat().map(({ path, member }) => `${path} ${member}`);
  expect(paths).toHaveLength(14);
  expect(paths).toContain('/x/even.wav 2.wav');
  scratch.discard();
});

test('what is staged after a look at it comes behind it', () => {
  const scratch = openScratchOfTar(3);
  for (let i = 1; i <= 4; i++) scratch.stage(staged(i));
  expect(seqs(scratch)).toEqual([1, 2, 3, 4]);
  for (let i = 5; i <= 7; i++) scratch.stage(staged(i));
  expect(seqs(scratch)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  scratch.discard();
});

test('a member that was refused twice has one row', () => {
  const scratch = openScratchOfTar();
  for (const reason of ['first', 'second']) scratch.refuse({ path: '/in/a.tar#x', member: 'x', reason });
  expect(scratch.refused()).toMatchObject([{ reason: 'second' }]);
});
