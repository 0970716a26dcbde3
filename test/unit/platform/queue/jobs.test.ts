import { expect, test } from 'vitest';
import type { UploadUnit } from '../../../../src/domain/recording.ts';
import { readPayload, uploadJobId, uploadJobs } from '../../../../src/platform/queue/jobs.ts';

const MTIME_MS = 1_756_684_800_000;
const NOW = MTIME_MS + 60_000;
const pathOf = (name: string): string => `/x/${name}.wav`;
const unit = (names: readonly [string, ...string[]], batch?: number, tar = '/in/a.tar'): UploadUnit => {
  const [first, ...others] = names;
  return {
    paths: [pathOf(first), ...others.map(pathOf)],
    batch: batch === undefined ? undefined : { tar, number: batch },
    tarMtimeMs: MTIME_MS,
    sizes: names.map(() => 5),
  };
};
const recording = (name: string, batch?: number) => ({
  path: `/x/${name}.wav`,
  tar: '/in/a.tar',
  tarMtimeMs: MTIME_MS,
  batch,
});

test('recordings of one batch share a job, others have one each', () => {
  const jobs = uploadJobs([unit(['a', 'b'], 0), unit(['c'], 1), unit(['d']), unit(['e'])], 'newest', NOW);
  expect(jobs.map(({ payload }) => payload)).toEqual([
    { v: 1, recordings: ['/x/a.wav', '/x/b.wav'] },
    { v: 1, recordings: ['/x/c.wav'] },
    { v: 1, recording: '/x/d.wav' },
    { v: 1, recording: '/x/e.wav' },
  ]);
  for (const { payload } of jobs) expect(readPayload('upload', payload)).toEqual(payload);
});

test('batches of the same number are told apart by their tar, and by its version', () => {
  const newer = { ...unit(['c'], 0), tarMtimeMs: MTIME_MS + 1 };
  const jobs = uploadJobs([unit(['a'], 0), unit(['b'], 0, '/in/b.tar'), newer], 'newest', NOW);
  expect(new Set(jobs.map(({ id }) => id)).size).toBe(3);
});

test('a job’s id comes from the work: the same for every recording of a batch, whatever else of it is still open', () => {
  const [whole] = uploadJobs([unit(['a', 'b'], 3)], 'newest', NOW);
  const [rest] = uploadJobs([unit(['b'], 3)], 'newest', NOW);
  expect(rest?.id).toBe(whole?.id);
  expect(uploadJobId(recording('a', 3))).toBe(whole?.id);
  expect(uploadJobId(recording('a'))).not.toBe(whole?.id);
});

test('a job that another version has written is refused by name', () => {
  expect(() => readPayload('upload', { v: 3, recordings: [] })).toThrow(/a job in the upload queue/);
});

test('what the next version writes is read as this one would have written it; what is missing in it is not made up', () => {
  const tar = { tar: '/in/a.tar', size: 1, mtimeMs: 2 };
  expect(readPayload('extract', { v: 2, ...tar, tomorrow: 'new' })).toEqual({ v: 1, ...tar });
  expect(readPayload('upload', { v: 2, recordings: ['/a.wav'], more: [] })).toEqual({
    v: 1,
    recordings: ['/a.wav'],
  });
  expect(readPayload('upload', { v: 2, recording: '/a.wav', more: 1 })).toEqual({
    v: 1,
    recording: '/a.wav',
  });
  expect(() => readPayload('extract', { v: 2, tar: '/in/a.tar' })).toThrow(/a job in the extract queue/);
  expect(() => readPayload('extract', { v: 1, ...tar, tomorrow: 'new' })).toThrow(
    /a job in the extract queue/,
  );
});
