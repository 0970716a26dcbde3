import { expect, test } from 'vitest';
import { join } from 'node:path';
import { loadSettings } from '../../../../src/platform/config/index.ts';
import { directoryWith, load } from './place-settings.ts';

const DATABASE = 'databases: [{ name: a, path: /a.db }]\n';
const MIRROR_OFFSITE =
  'mirrors: [{ name: m, source: /s, dir: /d, cron: "0 3 * * *", keep: { last: 3 }, offsite: { prefix: m/ } }]\n';
const OFFSITE =
  'databases: [{ name: a, path: /a.db, snapshots: [{ name: n, cron: "0 1 * * *", dir: /b, file: "{YYYYMMDD}.db", offsite: { prefix: x/, file: "{YYYYMMDD}.db" } }] }]\n';

test.each([
  ['nothing at all', '{}', { recordings: true, store: true, redis: true }],
  ['only where its data lie', 'paths: { data: /d }\n', { recordings: true, store: true, redis: true }],
  [
    'a landing directory',
    `paths: { incoming: /i }\n${DATABASE}`,
    { recordings: true, store: true, redis: true },
  ],
  [
    'how tars arrive',
    `arrival: { doneMarker: .done }\n${DATABASE}`,
    { recordings: true, store: true, redis: true },
  ],
  [
    'a store for nothing else',
    `s3: { bucket: calls }\n${DATABASE}`,
    { recordings: true, store: true, redis: true },
  ],
  ['databases alone', DATABASE, { recordings: false, store: false, redis: false }],
  [
    'a log alone',
    'logs: [{ path: /l, cron: "0 1 * * *" }]\n',
    { recordings: false, store: false, redis: false },
  ],
  [
    'copies that go offsite',
    `s3: { bucket: copies }\n${OFFSITE}`,
    { recordings: false, store: true, redis: false },
  ],
  [
    'a mirror that goes offsite',
    `s3: { bucket: copies }\n${MIRROR_OFFSITE}`,
    { recordings: false, store: true, redis: false },
  ],
  ['a Redis', `redis: { url: "redis://h" }\n${DATABASE}`, { recordings: false, store: false, redis: true }],
])('settings that name %s', (_, yaml, parts) => {
  expect(load(yaml, { S3_ACCESS_KEY_ID: 'of-another-program', S3_SECRET_ACCESS_KEY: 'x' }).parts).toEqual(
    parts,
  );
});

test('where a landing directory is there, recordings land, whatever the settings say', () => {
  const cwd = directoryWith({ 'wavspool.yaml': DATABASE, 'data/incoming/a.tar': '' });
  expect(loadSettings({ cwd, env: {} }).parts).toEqual({ recordings: true, store: true, redis: true });
  const elsewhere = `paths: { data: ${join(cwd, 'other')} }\n${DATABASE}`;
  expect(load(elsewhere).parts.recordings).toBe(false);
});
