import { expect, test } from 'vitest';
import { forPeople } from '../../../src/cli/commands/trace.ts';
import type { Trace } from '../../../src/operate/trace/index.ts';

const SETTINGS = {
  timezone: 'Europe/Berlin',
  upload: { maxRetries: 5 },
} as Parameters<typeof forPeople>[1];

test('a recording that failed: tries and retries in the terms of the settings, times in their zone', () => {
  const found = {
    kind: 'recording',
    path: '/x/2026-11-28T02:00:00Z.wav',
    onDisk: { bytes: 5, modified: '2026-11-28T02:00:00.000Z' },
    row: { status: 'FAILED', timestamp: '2026-11-28 02:00:00', retryCount: 2 },
    tries: 3,
    maxTries: 6,
    job: 'delayed',
    object: null,
    tar: null,
  } as unknown as Trace;

  expect(forPeople(found, SETTINGS)).toEqual({
    kind: 'recording',
    path: '/x/2026-11-28T02:00:00Z.wav',
    onDisk: { bytes: 5, modified: '2026-11-28 03:00:00 +01:00' },
    row: {
      status: 'FAILED',
      timestamp: '2026-11-28 03:00:00 +01:00',
      retries: '2 of at most 5 (upload.maxRetries)',
      next: 'retries automatically (3 of 5)',
    },
    tries: '3 of at most 6',
    job: 'delayed',
    object: null,
    tar: null,
  });
});

test('one that is in the bucket has no next try; a tar that is given up needs attention', () => {
  const recording = { row: { status: 'SUCCESS', retryCount: 1 } } as unknown as Trace;
  expect(forPeople(recording, SETTINGS)).toEqual({
    row: { status: 'SUCCESS', retries: '1 of at most 5 (upload.maxRetries)' },
  });
  const tar = { kind: 'tar', failure: { cause: 'corrupt', retryCount: 5 } } as unknown as Trace;
  expect(forPeople(tar, SETTINGS)).toMatchObject({ failure: { next: 'needs attention' } });
});
