import { expect, test } from 'vitest';
import { forJournal } from '../../../../src/platform/log/create.ts';
import { isJournalled } from '../../../../src/platform/runtime/service-manager.ts';

const line = (level: string, err?: object): string =>
  JSON.stringify({
    time: '2026-11-29T07:00:00.000Z',
    level,
    site: 'main',
    role: 'upload',
    pid: 1,
    msg: 'redis away',
    ...(err !== undefined && { err }),
  });

test.each([
  ['error', '<3>'],
  ['warn', '<4>'],
  ['info', '<6>'],
  ['debug', '<7>'],
])('the journal gets %s with the priority %s', (level, priority) => {
  expect(forJournal(line(level))).toBe(`${priority}07:00:00 ${level.padEnd(5)} upload: redis away\n`);
});

test('no line of a message has a priority of its own', () => {
  expect(forJournal(line('warn', { message: 'one\n<0>two' }))).toBe(
    '<4>07:00:00 warn  upload: redis away err=one\n<4><0>two\n',
  );
});

test('only a stderr that ends in the journal is written for it', () => {
  expect(isJournalled({})).toBe(false);
  expect(isJournalled({ JOURNAL_STREAM: '9:9' })).toBe(false);
});
