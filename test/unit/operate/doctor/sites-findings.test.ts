import { expect, test } from 'vitest';
import { sitesFindings } from '../../../../src/operate/doctor/sites-findings.ts';
import { heartbeat } from '../../../support/heartbeat.ts';

const STORE = 'https://s3.example.org/recordings/';

function site(name: string, stores: readonly (string | undefined)[]) {
  const heartbeats = stores.map((store) => heartbeat({ host: name, ...(store !== undefined && { store }) }));
  return { site: name, heartbeats };
}

test('of sites that nothing is at work for, nothing is said', () => {
  expect(sitesFindings([], STORE)).toEqual([]);
  expect(sitesFindings([site('gone', [])], STORE)).toEqual([]);
});

test('sites with a bucket or a prefix of their own are named', () => {
  const others = [site('north', [`${STORE}north/`]), site('south', ['https://s3.example.org/others/'])];
  expect(sitesFindings(others, STORE)).toEqual([
    { name: 'other sites', ok: true, found: 'north, south', remedy: '' },
  ]);
});

test('one that uploads under the same keys is advice, not a failure: nothing is lost', () => {
  const others = [site('north', [`${STORE}north/`]), site('south', [undefined, STORE])];
  expect(sitesFindings(others, STORE)).toMatchObject([
    { ok: true, isAdvice: true, found: `south uploads to ${STORE} too` },
  ]);
});
