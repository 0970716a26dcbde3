import { expect, test } from 'vitest';
import { effectiveLogs } from '../../../../src/platform/config/index.ts';
import { load } from './place-settings.ts';

test.each([
  ['{}', [['own', 7, true]]],
  [
    'logs: [{ path: /var/log/other.log, cron: "0 1 * * *" }]',
    [
      ['/var/log/other.log', 7, false],
      ['own', 7, true],
    ],
  ],
  ['logs: [{ path: <data>/logs/wavspool.log, cron: "0 1 * * *", rotate: 3 }]', [['own', 3, false]]],
  ['logs: [{ path: <data>/logs/*.log, cron: "0 1 * * *", rotate: 2 }]', [['pattern', 2, false]]],
] as const)("wavspool's own log is rotated, by its own entry where there is one: %s", (yaml, expected) => {
  const { settings } = load(yaml);
  const name = (path: string): string =>
    path === settings.paths.log ? 'own' : path.includes('*') ? 'pattern' : path;
  const logs = effectiveLogs(settings).map(({ path, rotate, compress }) => [name(path), rotate, compress]);
  expect(logs).toEqual(expected);
});
