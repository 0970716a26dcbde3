import { CronExpressionParser } from 'cron-parser';
import { expect, test } from 'vitest';
import { cronFault } from '../../../../src/platform/config/cron.ts';

test.each([
  '0 2 * * *',
  '*/15 * * * *',
  '0  3 * * 0',
  '0 3 * * 7',
  '30 2 * * mon-FRI',
  '0 0 1,15 jan-jun,DEC *',
  '5/20 0-23/2 * * 1-5',
  '0 0 29 2 *',
  '0 0 31 2 mon',
])('%j is a cron pattern, and the scheduler finds a time for it', (pattern) => {
  expect(cronFault(pattern)).toBeUndefined();
  expect(() => CronExpressionParser.parse(pattern, { tz: 'UTC' }).next()).not.toThrow();
});

test.each(['H * * * *', '0 0 L * *', '0 0 ? * *', '0 0 * * 1#2', '0 0 * MON *', '0 0 0 * * *'])(
  '%j is refused though the scheduler would read it, each time or otherwise than it was meant',
  (pattern) => expect(cronFault(pattern)).toBeDefined(),
);

test.each([
  ['', '5 fields'],
  ['0 2 * *', '5 fields'],
  ['0 0 2 * * *', '5 fields'],
  ['@daily', '5 fields'],
  ['60 2 * * *', 'minute is within 0-59'],
  ['0 24 * * *', 'hour is within 0-23'],
  ['0 0 0 * *', 'day of the month is within 1-31'],
  ['0 0 * 13 *', 'month is within 1-12'],
  ['0 0 * foo *', 'month is within'],
  ['0 0 * * 8', 'day of the week is within 0-7'],
  ['5-1 * * * *', 'minute'],
  ['1-2-3 * * * *', 'minute'],
  ['*/0 * * * *', 'minute'],
  ['*/ * * * *', 'minute'],
  ['1, * * * *', 'minute'],
  ['3,3 * * * *', 'minute'],
  ['0 0 * * 0,sun', 'day of the week'],
  ['0 0 * * 0,7', 'day of the week'],
  ['0 0 31 2 *', 'exists in its month'],
  ['0 0 31 2,4,6 *', 'exists in its month'],
])('%j is refused: %s', (pattern, reason) => expect(cronFault(pattern)).toContain(reason));
