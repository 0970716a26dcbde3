import { expect, test } from 'vitest';
import { readPayload, uploadJobId, uploadJobs, type ToUpload } from '../../../../src/platform/queue/jobs.ts';

const MTIME_MS = 1_756_684_800_000;
const NOW = MTIME_MS + 60_000;
const recording = (name: string, batch?: number, tar = '/in/a.tar'): ToUpload => ({
  path: `/x/${name}.wav`,
  tar,
  tarMtimeMs: MTIME_MS,
  batch,
});

test('recordings of one batch share a job, others have one each', () => {
  const jobs = uploadJobs(
    [recording('a', 0), recording('b', 0), recording('c', 1), recording('d'), recording('e')],
    'newest',
    NOW,
  );
  expect(jobs.map(({ payload }) => payload)).toEqual([
    { v: 1, recordings: ['/x/a.wav', '/x/b.wav'] },
    { v: 1, recordings: ['/x/c.wav'] },
    { v: 1, recording: '/x/d.wav' },
    { v: 1, recording: '/x/e.wav' },
  ]);
  for (const { payload } of jobs) expect(readPayload('upload', payload)).toEqual(payload);
});

test('batches of the same number are told apart by their tar, and by its version', () => {
  const [a, b] = [recording('a', 0), recording('b', 0, '/in/b.tar')];
  const newer = { ...recording('c', 0), tarMtimeMs: MTIME_MS + 1 };
  expect(uploadJobs([a, b, newer], 'newest', NOW)).toHaveLength(3);
  expect(new Set([a, b, newer].map(uploadJobId)).size).toBe(3);
});

test('a job’s id comes from the work: the same for every recording of a batch, whatever else of it is still open', () => {
  const [whole] = uploadJobs([recording('a', 3), recording('b', 3)], 'newest', NOW);
  const [rest] = uploadJobs([recording('b', 3)], 'newest', NOW);
  expect(rest?.id).toBe(whole?.id);
  expect(uploadJobId(recording('a', 3))).toBe(whole?.id);
  expect(uploadJobId(recording('a'))).not.toBe(whole?.id);
});

test('a job that another version has written is refused by name', () => {
  expect(() => readPayload('upload', { v: 2, recordings: [] })).toThrow(/a job in the upload queue/);
});
