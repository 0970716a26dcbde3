import { expect, test } from 'vitest';
import { createHold, EVERYBODY } from '../../../../src/platform/queue/hold.ts';
import { extractionFault } from '../../../../src/ingest/extract/host-trouble.ts';

function bench() {
  let ms = 1000;
  const events: string[] = [];
  const clock = { now: () => 1e12 + ms, monotonicMs: () => ms, sleep: () => Promise.resolve() };
  const hold = createHold(clock, (event) => void events.push(event), {
    what: 'extraction',
    forgetMs: 20_000,
  });
  return { hold, events, pass: (more: number) => void (ms += more) };
}

test('a hundred tars that wait for the disk are reported once, and every 30 s', () => {
  const { hold, events, pass } = bench();
  for (let round = 0; round < 13; round += 1) {
    for (let tar = 0; tar < 100; tar += 1) hold.waits(EVERYBODY, 'disk', 'the disk is full');
    pass(5000);
  }
  expect(events).toEqual(['extraction waits', 'extraction waits', 'extraction waits']);
  expect(hold.current()).toEqual({
    what: 'extraction',
    cause: 'disk',
    message: 'the disk is full',
    since: 1e12 + 1000,
  });
  hold.goesOn(EVERYBODY);
  expect(events.at(-1)).toBe('extraction goes on');
  expect(hold.current()).toBe(undefined);
});

test('a tar that waits alone goes on waiting while others are extracted', () => {
  const { hold, events } = bench();
  hold.waits('/in/big.tar', 'disk', 'too large now');
  hold.goesOn(EVERYBODY);
  expect(hold.current()?.message).toBe('too large now');
  expect(events).toEqual(['extraction waits']);
});

test('a reason that no job gives any more is over', () => {
  const { hold, pass } = bench();
  hold.waits(EVERYBODY, 'host', 'read-only');
  pass(20_001);
  expect(hold.current()).toBe(undefined);
});

test.each([
  ['EROFS', 'HOST_FAILING'],
  ['EACCES', 'HOST_FAILING'],
  ['EIO', 'HOST_FAILING'],
  ['EMFILE', 'HOST_FAILING'],
  ['ENFILE', 'HOST_FAILING'],
  ['ENOENT', 'HOST_FAILING'],
  ['ENOSPC', 'DISK_FULL'],
  ['EDQUOT', 'DISK_FULL'],
  ['ENAMETOOLONG', 'FILE_UNREADABLE'],
  ['ERR_INVALID_ARG', 'UNKNOWN'],
])('%s of what is written is %s', (errno, code) => {
  const error = Object.assign(new Error(`${errno}: no`), { code: errno });
  expect(extractionFault(error, '/in/a.tar', '/out').code).toBe(code);
});
