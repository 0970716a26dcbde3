import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { momentOf, namePattern, safeLabel } from '../../../../src/maintenance/retention/index.ts';

const AT = Date.parse('2026-11-20T14:03:20Z');
const fixed = { name: 'gallery' };

describe('a name', () => {
  test.each([
    ['state.db.backup_{YYYYMMDD}', 'state.db.backup_20261120'],
    ['{name}_{YYYY-MM-DD}.db', 'gallery_2026-11-20.db'],
    ['{name}-{YYYY-MM-DD-HH-mm-ss}.db', 'gallery-2026-11-20-14-03-20.db'],
    ['{YYYYMMDD}T{HHmmss}_{label}.db', '20261120T140320_before-v2.1.db'],
    ['state.db', 'state.db'],
  ])('%s is %s', (pattern, name) => {
    const names = namePattern(pattern, 'UTC', fixed);
    expect(names.format(AT, 'before v2.1')).toBe(name);
    const dated = names.parse(name);
    expect(dated !== undefined && dated.from <= AT && AT < dated.until).toBe(true);
  });

  test('carries the date of the time zone', () => {
    const late = Date.parse('2026-11-20T23:30:00Z');
    expect(namePattern('{YYYYMMDD}', 'Europe/Berlin', fixed).format(late)).toBe('20261121');
  });

  test.each([
    'state.db.backup_20261320',
    'state.db.backup_2026112',
    'state.db.backup_20261120.sha256',
    'state.db.backup_20261120~',
    'my-state.db.backup_20261120',
    'state.db.backup_',
    'stateXdb.backup_20261120',
    'state.db.backup_20260230',
  ])('%s was given by another program', (name) => {
    expect(namePattern('state.db.backup_{YYYYMMDD}', 'UTC', fixed).parse(name)).toBeUndefined();
  });

  test('whose fields contradict each other was given by another program', () => {
    const names = namePattern('{YYYYMMDD}/{YYYY-MM-DD}', 'UTC', fixed);
    expect(names.parse('20261120/2026-11-20')).toBeDefined();
    expect(names.parse('20261120/2026-11-21')).toBeUndefined();
  });

  test('of any moment in any zone is known again, with a period that holds the moment', () => {
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe');
    const patterns = fc.constantFrom(
      '{name}_{YYYY-MM-DD}_{label}.db',
      '{label}{YYYYMMDD}{HHmmss}',
      '{YYYY-MM-DD-HH-mm-ss}',
    );
    const moments = fc.integer({ min: 0, max: Date.parse('2100-01-01') });
    fc.assert(
      fc.property(patterns, zones, moments, fc.string(), (pattern, zone, at, label) => {
        const names = namePattern(pattern, zone, fixed);
        const dated = names.parse(names.format(at, label));
        expect(dated).toBeDefined();
        expect((dated?.from ?? 0) <= at && at < (dated?.until ?? 0)).toBe(true);
      }),
    );
  });
});

describe('a label', () => {
  test.each([
    ['before v2.1', 'before-v2.1'],
    ['../../etc/passwd', 'etc-passwd'],
    ['  Frühjahr/Sommer ', 'Frühjahr-Sommer'],
    ['...', 'unlabelled'],
    ['', 'unlabelled'],
    ['-rf', 'rf'],
    ['a\0b\nc', 'a-b-c'],
    ['x'.repeat(100), 'x'.repeat(64)],
  ])('%j is %s', (label, safe) => {
    expect(safeLabel(label)).toBe(safe);
  });
});

describe('the moment of what has a name', () => {
  const day = { from: 1000, until: 2000 };
  test.each([
    ['is its mtime where the name bears it out', 1500, 1500],
    ['is the end of its period when it was touched later', 5000, 1999],
    ['is the end of its period when it was touched before', 10, 1999],
  ])('%s', (_, mtimeMs, at) => {
    expect(momentOf(day, mtimeMs)).toBe(at);
  });
});
