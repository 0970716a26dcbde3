import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  backupName,
  delayedArchives,
  planNames,
  type NamePlan,
  type Present,
  type NamingOptions,
} from '../../../../src/maintenance/logrotate/names.ts';

const NOW = Date.parse('2026-11-20T01:00:00Z');
const DAY = 86_400_000;
const plain: NamingOptions = {
  rotate: 3,
  start: 1,
  compress: false,
  delaycompress: false,
  dateext: false,
  dateformat: '-%Y%m%d',
};

function present(...names: string[]): Present[] {
  return names.map((name) => ({ name, mtimeMs: NOW - DAY }));
}

function plan(options: Partial<NamingOptions>, ...names: string[]): NamePlan {
  return planNames(
    { ...plain, ...options },
    { log: 'a.log', present: present(...names), now: NOW, timezone: 'UTC' },
  );
}

/** What lies there after the plan was carried out. */
function after(options: Partial<NamingOptions>, ...names: string[]): string[] {
  const found = plan(options, ...names);
  if (found.kind === 'taken') return [`taken by ${found.by}`];
  const left = new Set(names);
  for (const name of found.aged) left.delete(name);
  for (const { from, to } of found.shifts) {
    expect(left.has(from)).toBe(true);
    left.delete(from);
    left.add(to);
  }
  left.add(found.archive);
  for (const name of found.removes) left.delete(name);
  return [...left].toSorted();
}

describe('numbered archives', () => {
  test.each<[string, Partial<NamingOptions>, string[], string[]]>([
    ['the first', {}, [], ['a.log.1']],
    ['are shifted', {}, ['a.log.1', 'a.log.2'], ['a.log.1', 'a.log.2', 'a.log.3']],
    ['the last goes', {}, ['a.log.1', 'a.log.2', 'a.log.3'], ['a.log.1', 'a.log.2', 'a.log.3']],
    ['a gap moves with them', {}, ['a.log.2'], ['a.log.1', 'a.log.3']],
    ['one beyond the last goes too', {}, ['a.log.4'], ['a.log.1']],
    ['those far beyond stay', {}, ['a.log.9'], ['a.log.1', 'a.log.9']],
    ['begin at start', { start: 0 }, ['a.log.0', 'a.log.1', 'a.log.2'], ['a.log.0', 'a.log.1', 'a.log.2']],
    ['begin at start', { start: 6 }, ['a.log.6'], ['a.log.6', 'a.log.7']],
    ['rotate 0 counts as 1', { rotate: 0 }, ['a.log.1'], ['a.log.1']],
    ['rotate -1 keeps all', { rotate: -1 }, ['a.log.1', 'a.log.2'], ['a.log.1', 'a.log.2', 'a.log.3']],
    ['rotate -1 from 0', { rotate: -1, start: 0 }, ['a.log.0', 'a.log.1'], ['a.log.0', 'a.log.1', 'a.log.2']],
    ['compressed ones', { compress: true }, ['a.log.1.gz', 'a.log.3.gz'], ['a.log.1', 'a.log.2.gz']],
    ['uncompressed ones are left alone then', { compress: true }, ['a.log.2'], ['a.log.1', 'a.log.2']],
    ['extension', { extension: '.log' }, ['a.1.log'], ['a.1.log', 'a.2.log']],
    ['extension and gzip', { extension: '.log', compress: true }, ['a.1.log.gz'], ['a.1.log', 'a.2.log.gz']],
    ['another extension', { extension: '.txt' }, ['a.log.1'], ['a.log.1', 'a.log.2']],
    [
      'foreign names',
      {},
      ['a.log.1.bak', 'ba.log.1', 'a.log.x'],
      ['a.log.1', 'a.log.1.bak', 'a.log.x', 'ba.log.1'],
    ],
  ])('%s %j', (_, options, before, then) => {
    expect(after(options, ...before)).toEqual(then);
  });

  test('maxage removes the older ones, and the others move on', () => {
    const facts = {
      log: 'a.log',
      now: NOW,
      timezone: 'UTC',
      present: [
        { name: 'a.log.1', mtimeMs: NOW - 1 * DAY },
        { name: 'a.log.2', mtimeMs: NOW - 5 * DAY },
      ],
    };
    expect(planNames({ ...plain, maxage: 4 }, facts)).toEqual({
      kind: 'free',
      archive: 'a.log.1',
      aged: ['a.log.2'],
      shifts: [{ from: 'a.log.1', to: 'a.log.2' }],
      removes: [],
    });
  });

  test('however many there are, at most `rotate` of those within reach stay, and no content is renamed away twice', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 12 });
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 8 }), fc.boolean(), (found, rotate, compress) => {
        const suffix = compress ? '.gz' : '';
        const names = found.map((number) => `a.log.${number}${suffix}`);
        const left = after({ rotate, compress }, ...names);
        const kept = found.filter((number) => number < rotate).length;
        const beyond = found.filter((number) => number > rotate + 1).length;
        expect(left).toHaveLength(1 + kept + beyond);
        expect(left).toContain('a.log.1');
      }),
    );
  });
});

describe('dated archives', () => {
  const dateext = true;
  test.each<[string, Partial<NamingOptions>, string[], string[]]>([
    ['the first', { dateext }, [], ['a.log-20261120']],
    [
      'the oldest goes',
      { dateext },
      ['a.log-20261117', 'a.log-20261118', 'a.log-20261119'],
      ['a.log-20261118', 'a.log-20261119', 'a.log-20261120'],
    ],
    [
      'what is no date stays',
      { dateext, rotate: 1 },
      ['a.log-20261399'],
      ['a.log-20261120', 'a.log-20261399'],
    ],
    ['taken', { dateext }, ['a.log-20261120'], ['taken by a.log-20261120']],
    ['taken, compressed', { dateext, compress: true }, ['a.log-20261120.gz'], ['taken by a.log-20261120.gz']],
    [
      'day first is sorted by date, not by name',
      { dateext, rotate: 2, dateformat: '-%d-%m-%Y' },
      ['a.log-31-10-2026', 'a.log-01-11-2026'],
      ['a.log-01-11-2026', 'a.log-20-11-2026'],
    ],
    ['without a dash', { dateext, dateformat: '.%Y' }, [], ['a.log.2026']],
    ['seconds', { dateext, dateformat: '.%s', rotate: 1 }, ['a.log.1795000000'], [`a.log.${NOW / 1000}`]],
    ['extension', { dateext, extension: '.log', compress: true }, [], ['a-20261120.log']],
    [
      'only compressed ones count when they are compressed',
      { dateext, compress: true, rotate: 1 },
      ['a.log-20261118', 'a.log-20261119.gz'],
      ['a.log-20261118', 'a.log-20261120'],
    ],
    [
      'rotate -1 keeps all',
      { dateext, rotate: -1 },
      ['a.log-20261119'],
      ['a.log-20261119', 'a.log-20261120'],
    ],
    [
      'a name of the settings',
      { file: '{name}-{YYYY-MM-DD}.log', compress: true, rotate: 2 },
      ['a-2026-11-18.log.gz', 'a-2026-11-19.log.gz', 'b-2026-11-19.log.gz'],
      ['a-2026-11-19.log.gz', 'a-2026-11-20.log', 'b-2026-11-19.log.gz'],
    ],
  ])('%s %j', (_, options, before, then) => {
    expect(after(options, ...before)).toEqual(then);
  });

  test('are dated in the time zone', () => {
    const facts = { log: 'a.log', present: [], now: NOW, timezone: 'America/New_York' };
    expect(planNames({ ...plain, dateext }, facts)).toMatchObject({ archive: 'a.log-20261119' });
  });
});

const delayed = (options: Partial<NamingOptions>, ...names: string[]) =>
  delayedArchives(
    { ...plain, compress: true, delaycompress: true, ...options },
    { log: 'a.log', present: present(...names), now: NOW, timezone: 'UTC' },
  );

describe('delaycompress', () => {
  test.each<[Partial<NamingOptions>, string[], string[]]>([
    [{}, ['a.log.1', 'a.log.2'], ['a.log.1']],
    [{}, ['a.log.1.gz'], []],
    [{ start: 0 }, ['a.log.0', 'a.log.1'], ['a.log.0']],
    [{ dateext: true }, ['a.log-20261119', 'a.log-20261118'], ['a.log-20261118', 'a.log-20261119']],
    [{ compress: false }, ['a.log.1'], []],
    [{ delaycompress: false }, ['a.log.1'], []],
  ])('%j leaves of %j to compress: %j', (options, names, expected) => {
    expect(delayed(options, ...names)).toEqual(expected);
  });
});

test('what lies in the way is put aside under a name with the hour', () => {
  expect(backupName('a.log.1', NOW, 'Europe/Berlin')).toBe('a.log.1-2026112002.backup');
});
