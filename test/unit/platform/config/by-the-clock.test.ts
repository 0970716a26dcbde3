import { expect, test } from 'vitest';
import { runsByTheClock } from '../../../../src/platform/config/index.ts';
import { load } from './place-settings.ts';

const DATABASE = '- { name: a, path: /a.db, ';

test.each([
  ['copies on request', `databases: [{ name: a, path: /a.db }]\n`, false],
  [
    'copies on an event',
    `databases:\n  ${DATABASE}snapshots: [{ name: n, on: deploy, dir: /b, file: "{YYYYMMDD}.db" }] }\n`,
    false,
  ],
  [
    'copies every night as well',
    `databases:\n  ${DATABASE}snapshots: [{ name: n, on: deploy, cron: "0 2 * * *", dir: /b, file: "{YYYYMMDD}.db" }] }\n`,
    true,
  ],
  [
    'tables',
    `databases:\n  ${DATABASE}exports: [{ name: e, cron: "0 2 * * *", tables: [t], dir: /b, file: "{YYYYMMDD}.sql" }] }\n`,
    true,
  ],
  ['restore points', `databases:\n  ${DATABASE}pointInTime: { every: 5m, keep: 7d, dir: /p } }\n`, true],
  ['restore tests at a time of their own', `databases:\n  ${DATABASE}drill: "0 5 * * 1" }\n`, true],
  ['a mirror', 'mirrors: [{ name: m, source: /s, dir: /d, cron: "0 3 * * *", keep: { last: 3 } }]\n', true],
  ['a log', 'logs: [{ path: /l, cron: "0 1 * * *" }]\n', true],
])('whether settings want something done at their times: %s', (_, yaml, wanted) => {
  expect(runsByTheClock(load(yaml).settings)).toBe(wanted);
});
