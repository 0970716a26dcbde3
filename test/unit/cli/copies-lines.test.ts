import { expect, test } from 'vitest';
import { copiesLines } from '../../../src/cli/copies-lines.ts';
import type { CopiesStatus } from '../../../src/maintenance/catalogue/index.ts';

const MIRROR: CopiesStatus = {
  kind: 'mirror',
  of: 'audio',
  schedule: 'mirror',
  enabled: true,
  cron: '0 3 * * *',
  directory: '/copies',
  retention: 'all within 14 days',
  count: 2,
  newest: { at: 'T1', path: '/copies/2026-11-28', bytes: 5 * 1024 * 1024 },
  inDoubt: [],
  damaged: [],
  notOurs: 0,
  next: 'T3',
  last: { at: 'T2', outcome: 'done', ms: 2345, bytes: 1024 },
};
const lines = (changes: Partial<CopiesStatus>): readonly string[] =>
  copiesLines([{ ...MIRROR, ...changes }], (iso) => `<${iso}>`);

test('a mirror: how many, where, the newest, what is kept, the last run and the next', () => {
  expect(lines({})).toEqual([
    '  mirror audio: 2 in /copies, newest <T1> (5.0 MiB), kept: all within 14 days',
    '    last run done <T2> in 2.3 s, 1.0 KiB, next <T3>',
  ]);
});

test('what is wrong stands out', () => {
  expect(
    lines({
      newest: null,
      inDoubt: [{ path: '/copies/x', doubt: 'it is empty' }],
      notOurs: 3,
      last: { at: 'T2', outcome: 'failed', ms: 10, error: 'no room' },
    }),
  ).toEqual([
    '  mirror audio: 2 in /copies, NO GOOD ONE, 1 IN DOUBT, 3 others there, kept: all within 14 days',
    '    last run FAILED <T2> in 0 s: no room, next <T3>',
  ]);
  expect(lines({ count: 0, newest: null })[0]).toBe(
    '  mirror audio: none in /copies, kept: all within 14 days',
  );
  expect(lines({ fault: '/copies: EACCES' })[0]).toBe('  mirror audio: CANNOT BE READ: /copies: EACCES');
});

test('a schedule of a database is named with it; one that waits for an event says for which', () => {
  const { cron: _cron, ...rest } = MIRROR;
  expect(
    copiesLines(
      [{ ...rest, kind: 'snapshot', of: 'shop', schedule: 'deploy', on: 'deploy', next: null, last: null }],
      (iso) => iso,
    ),
  ).toEqual([
    '  snapshot shop deploy: 2 in /copies, newest T1 (5.0 MiB), kept: all within 14 days',
    '    not run yet, on deploy',
  ]);
});
