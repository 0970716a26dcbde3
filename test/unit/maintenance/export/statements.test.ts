import fc from 'fast-check';
import { expect, test } from 'vitest';
import { statementCutter } from '../../../../src/maintenance/export/statements.ts';

/** The statements of `sql`, handed over in one piece each time a statement is complete. */
function cut(sql: string, size = 1): { statements: string[]; rest: string } {
  const cutter = statementCutter();
  const statements: string[] = [];
  for (let at = 0; at < sql.length; at += size) {
    const complete = cutter.push(sql.slice(at, at + size));
    if (complete !== '') statements.push(complete);
  }
  return { statements, rest: cutter.rest() };
}

const WHOLE = [
  'BEGIN;',
  "INSERT INTO t VALUES('a;b','it''s;',\"c;d\",[e;f],`g;h`);",
  '-- a comment; with one\nSELECT 1;',
  "/* and; ' here */ SELECT 2 /* * / ; */;",
  "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; DELETE FROM u WHERE v = 'end;'; END;",
  'create temp trigger y after insert on t begin select case when 1 then 2 end; select 3; end ;',
  'CREATE TABLE trigger_log(a);',
  'CREATE TABLE "end"(a-b/c);',
];

test('a statement ends at its semicolon, not at one in a quote, a comment or a trigger', () => {
  const { statements, rest } = cut(WHOLE.join('\n'));
  expect(statements.map((one) => one.trim())).toEqual(WHOLE);
  expect(rest).toBe('');
});

test('wherever the pieces are cut, nothing is lost and only whole statements come out', () => {
  const sql = WHOLE.join('\n');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), (size) => {
      const { statements, rest } = cut(sql, size);
      expect(statements.join('')).toBe(sql);
      expect(rest).toBe('');
      let from = 0;
      for (const text of statements) {
        from += text.length;
        expect(WHOLE.some((_one, index) => WHOLE.slice(0, index + 1).join('\n').length === from)).toBe(true);
      }
    }),
  );
});

test('what is unfinished stays behind', () => {
  expect(cut("SELECT 1; INSERT INTO t VALUES('")).toEqual({
    statements: ['SELECT 1;'],
    rest: "INSERT INTO t VALUES('",
  });
});
