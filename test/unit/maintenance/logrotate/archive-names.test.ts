import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isArchiveName, planNames, type NamingOptions } from '../../../../src/maintenance/logrotate/names.ts';
import { whenTaken } from '../../../../src/maintenance/logrotate/look-at.ts';

const NAMING: NamingOptions = {
  rotate: 7,
  start: 1,
  compress: false,
  delaycompress: false,
  dateext: false,
  dateformat: '-%Y%m%d',
};

test('whatever a rotation calls its archive is known as an archive of that log, and the log itself is not', () => {
  const options = fc.record(
    {
      compress: fc.boolean(),
      dateext: fc.boolean(),
      extension: fc.constant('.log'),
      file: fc.constantFrom('{name}-{YYYY-MM-DD}.log', 'backend-{YYYY-MM-DD-HH-mm-ss}.log'),
    },
    { requiredKeys: [] },
  );
  const now = fc.date({ min: new Date('2001-01-01'), max: new Date('2099-01-01'), noInvalidDate: true });
  fc.assert(
    fc.property(options, now, fc.constantFrom('app.log', 'my.app.log', 'x'), (chosen, at, log) => {
      const naming = { ...NAMING, ...chosen };
      const plan = planNames(naming, { log, present: [], now: at.getTime(), timezone: 'UTC' });
      if (plan.kind !== 'free') throw new Error('nothing is there');
      for (const name of [plan.archive, `${plan.archive}.gz`])
        expect(isArchiveName(naming, log, name, 'UTC')).toBe(true);
      expect(isArchiveName(naming, log, log, 'UTC')).toBe(false);
    }),
  );
});

test.each([
  [{}, 'app.log', 'app.log.1', true],
  [{}, 'app.log', 'app.log.12.gz', true],
  [{}, 'app.log', 'app2.log', false],
  [{ dateext: true, extension: '.log' }, 'app.log', 'app-20261128.log', true],
  [{ dateext: true, extension: '.log' }, 'app.log', 'application.log', false],
])('%o: for %s, is %s an archive', (options, log, name, expected) => {
  expect(isArchiveName({ ...NAMING, ...options }, log, name, 'UTC')).toBe(expected);
});

const LAST = { at: 1000, archive: '/logs/app-1.log', way: 'collapse', windowUs: 0, bytes: 1 } as const;

test('a date that the log itself has used already makes the nightly run no failure', () => {
  expect(whenTaken('/logs/app.log', LAST.archive, LAST, {}, 2000)).toMatchObject({ outcome: 'skipped' });
});

test.each([
  ['the archive of another log', { ...LAST, archive: '/logs/other' }, {}, 2000],
  ['an archive before the first rotation', null, {}, 2000],
  ['a date that never changes', LAST, {}, 1000 + 86_400_000],
  ['a rotation by force', LAST, { force: true }, 2000],
  ['a log above its maxsize', LAST, { only: 'maxsize' }, 2000],
] as const)('%s is in the way', (_what, last, options, now) => {
  expect(() => whenTaken('/logs/app.log', LAST.archive, last, options, now)).toThrow(/is there already/);
});
