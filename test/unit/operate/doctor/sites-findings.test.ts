import { expect, test } from 'vitest';
import { sitesFindings } from '../../../../src/operate/doctor/sites-findings.ts';
import type { Heartbeat } from '../../../../src/platform/presence/index.ts';

const STORE = 'https://s3.example.org/recordings/';

function site(name: string, stores: readonly (string | undefined)[]) {
  const heartbeats = stores.map((store): Heartbeat => ({
    role: 'upload',
    host: name,
    pid: 1,
    startedAt: 0,
    at: 0,
    rssBytes: 0,
    peakRssBytes: 0,
    cpuMs: 0,
    loopMaxMs: 0,
    loopRecentMs: 0,
    counters: {},
    ...(store !== undefined && { store }),
  }));
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
