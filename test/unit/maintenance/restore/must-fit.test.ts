import { expect, test } from 'vitest';
import { whyNot } from '../../../../src/maintenance/restore/must-fit.ts';

test.each([
  ['its own', ['a', 'b'], false, ['b', 'c'], undefined],
  ['one where nothing is', ['a'], false, undefined, undefined],
  ['one over an empty database', ['a'], false, [], undefined],
  ['one without a table', [], true, ['a'], 'SNAPSHOT_BAD'],
  ['one without a table where nothing is', [], true, undefined, 'SNAPSHOT_BAD'],
  ['one without a row', ['a'], true, ['a'], 'SNAPSHOT_BAD'],
  ['another database’s', ['a'], false, ['b'], 'SNAPSHOT_OTHER'],
])('a copy that is %s', (_what, tables, isEmpty, there, code) => {
  expect(whyNot({ tables, isEmpty }, there)?.code).toBe(code);
});
