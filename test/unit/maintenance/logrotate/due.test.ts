import { expect, test } from 'vitest';
import { due, type LogFacts, type RotateOptions } from '../../../../src/maintenance/logrotate/due.ts';
import type { LogEntry } from '../../../../src/maintenance/logrotate/names.ts';
import { logEntry } from '../../../support/rotation.ts';

const entry = logEntry('/a.log');

test.each<[string, Partial<LogEntry>, RotateOptions, Partial<LogFacts>]>([
  ['rotate', {}, {}, {}],
  ['rotate', {}, {}, { freshBytes: 0 }],
  ['it is empty', { notifempty: true }, {}, { freshBytes: 0 }],
  ['it is empty', { notifempty: true }, { force: true }, { freshBytes: 0 }],
  ['rotate', { notifempty: true }, {}, { freshBytes: 1 }],
  ['it is below minsize', { minsize: 100 }, {}, { freshBytes: 99 }],
  ['rotate', { minsize: 100 }, {}, { freshBytes: 100 }],
  ['rotate', { minsize: 100 }, { force: true }, { freshBytes: 99 }],
  ['rotate', { minsize: 100, maxsize: 50 }, {}, { freshBytes: 51 }],
  ['it is below minsize', { minsize: 100, maxsize: 50 }, {}, { freshBytes: 50 }],
  ['it is not above maxsize', { maxsize: 100 }, { only: 'maxsize' }, { freshBytes: 100 }],
  ['it is not above maxsize', { maxsize: 0 }, { only: 'maxsize' }, { freshBytes: 100 }],
  ['it is not above maxsize', {}, { only: 'maxsize', force: true }, { freshBytes: 100 }],
  ['rotate', { maxsize: 100 }, { only: 'maxsize' }, { freshBytes: 101 }],
  ['it is a symbolic link', {}, { force: true }, { kind: 'symbolic link' }],
  ['it has 2 hard links', {}, { force: true }, { links: 2 }],
  ['it is a directory', {}, { force: true }, { kind: 'directory', links: 2 }],
  ['it is no regular file', {}, { force: true }, { kind: 'something else' }],
])('%s: %j, %j, %j', (expected, options, run, facts) => {
  const verdict = due({ ...entry, ...options }, run, { kind: 'log', links: 1, freshBytes: 10, ...facts });
  expect(
    verdict.kind === 'rotate' ? 'rotate' : verdict.kind === 'skip' ? verdict.reason : verdict.problem,
  ).toBe(expected);
});
