import { expect, test } from 'vitest';
import { ledgerFindings } from '../../../../src/operate/doctor/ledger-findings.ts';

const SOUND = {
  ledger: 'postgres://wavspool@pg1:5432,pg2:5432/wavspool',
  version: '15.18',
  settings: {
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    synchronous_standby_names: 'ANY 1 (*)',
  },
  standbys: ['quorum', 'quorum'],
  schema: 1,
  wantedSchema: 1,
  aheadMs: 12,
  lacking: [],
};
const bad = (over: object): readonly string[] =>
  ledgerFindings({ ...SOUND, ...over })
    .filter(({ ok }) => !ok)
    .map(({ name }) => name);
const advice = (over: object): readonly string[] =>
  ledgerFindings({ ...SOUND, ...over })
    .filter(({ ok, isAdvice }) => ok && isAdvice === true)
    .map(({ name }) => name);

test('a ledger that is as it should be', () => {
  expect([...bad({}), ...advice({})]).toEqual([]);
});

test.each([
  ['ledger: fsync', { settings: { ...SOUND.settings, fsync: 'off' } }],
  ['ledger: full_page_writes', { settings: { ...SOUND.settings, full_page_writes: 'off' } }],
  ['ledger: synchronous_commit', { settings: { ...SOUND.settings, synchronous_commit: 'off' } }],
  ['ledger: synchronous_commit', { settings: { ...SOUND.settings, synchronous_commit: 'local' } }],
  ['ledger: schema', { schema: undefined }],
  ['ledger: schema', { schema: 0 }],
  ['ledger: rights', { lacking: ['DELETE'] }],
  ['ledger: standbys', { standbys: ['async', 'async'] }],
  ['ledger: standbys', { standbys: [] }],
])('%s is a fault', (name, over) => {
  expect(bad(over)).toEqual([name]);
});

test('one server alone, one standby, and clocks that differ are for the operator to judge', () => {
  const alone = { standbys: [], settings: { ...SOUND.settings, synchronous_standby_names: '' } };
  expect(advice(alone)).toEqual(['ledger: standbys']);
  expect(advice({ standbys: ['quorum'] })).toEqual(['ledger: standbys']);
  expect(advice({ aheadMs: -5000 })).toEqual(['ledger: clock']);
});
