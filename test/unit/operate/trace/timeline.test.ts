import { expect, test } from 'vitest';
import type { RecordingRow } from '../../../../src/domain/recording.ts';
import type { TarRow } from '../../../../src/domain/tar.ts';
import { timelineOf } from '../../../../src/operate/trace/timeline.ts';

const ROW: RecordingRow = {
  path: '/x/a.wav',
  status: 'SUCCESS',
  timestamp: '2026-11-28 10:00:09',
  errorMessage: undefined,
  retryCount: 1,
  cause: undefined,
  tar: '/in/a.tar',
  member: 'a.wav',
  size: 10,
  sha256: 'f00',
  key: 'a.wav',
  etag: 'e',
  versionId: undefined,
  wav: undefined,
  tarMtimeMs: Date.UTC(2026, 10, 28, 10),
  source: undefined,
  batch: undefined,
};
const TAR: TarRow = {
  path: '/in/a.tar',
  timestamp: '2026-11-28 10:00:06',
  size: 1,
  mtimeMs: 1,
  sha256: 'now',
  recordings: 1,
  bytes: 10,
  skipped: 0,
  refused: 0,
  shared: [],
  wavs: 1,
  receipts: [
    { seq: 3, key: 'r/3', sha256: 'x', tarSha256: 'earlier' },
    { seq: 4, key: 'r/4', sha256: 'y', tarSha256: 'now' },
  ],
};
const at = (second: number): number => Date.UTC(2026, 10, 28, 10, 0, second);

test('a life is told from landing to receipt, with every attempt that the log knows', () => {
  const ofTar = [
    { at: at(5), event: 'tar arrived', fields: { by: 'event', bytes: 1, quietMs: 5000 } },
    { at: at(6), event: 'tar extracted', fields: { recordings: 1, ms: 7 } },
    { at: at(20), event: 'receipt written', fields: { seq: 4 } },
  ];
  const ofRecording = [
    {
      at: at(7),
      event: 'recording failed',
      fields: { attempt: 1, cause: 'network', err: { message: 'lost' }, final: false },
    },
  ];
  expect(timelineOf(ROW, TAR, ofRecording, ofTar)).toMatchObject([
    { what: 'landed', at: '2026-11-28T10:00:00.000Z' },
    { what: 'queued', at: '2026-11-28T10:00:05.000Z', by: 'event' },
    { what: 'extracted', at: '2026-11-28T10:00:06Z', recordings: 1 },
    { what: 'attempt', attempt: 1, cause: 'network', message: 'lost' },
    { what: 'stored', at: '2026-11-28T10:00:09Z', key: 'a.wav' },
    { what: 'receipt', at: '2026-11-28T10:00:20.000Z', seq: 4 },
  ]);
});

test('what the log has forgotten the rows tell, and a time that no row has is null', () => {
  const failed = {
    ...ROW,
    status: 'FAILED' as const,
    cause: 'conflict' as const,
    errorMessage: 'taken',
    retryCount: 2,
  };
  expect(timelineOf(failed, TAR, [], [])).toMatchObject([
    { what: 'landed', at: '2026-11-28T10:00:00.000Z' },
    { what: 'extracted' },
    { what: 'attempt', attempt: 3, cause: 'conflict', message: 'taken' },
  ]);
  expect(timelineOf(ROW, TAR, [], []).at(-1)).toMatchObject({ what: 'receipt', at: null, seq: 4 });
});

test('a row that was taken over has a short life', () => {
  const bare = { ...ROW, tar: undefined, member: undefined, tarMtimeMs: undefined };
  expect(timelineOf(bare, undefined, [], [])).toMatchObject([
    { what: 'landed', at: null },
    { what: 'stored' },
  ]);
});
