import { mkdirSync, symlinkSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadSettings } from '../../../../src/platform/config/index.ts';
import { readFirst, settingsCandidates } from '../../../../src/platform/config/settings-file.ts';
import { directoryWith, load, settingsErrorOf } from './place-settings.ts';

const FILES = { 'wavspool.yaml': 'site: here', 'named.yaml': 'site: named', 'env/own.yaml': 'site: env' };

test.each([
  ['--config before all', 'named.yaml', { WAVSPOOL_CONFIG: 'env/own.yaml' }, 'named', 'named.yaml'],
  [
    'WAVSPOOL_CONFIG before wavspool.yaml',
    undefined,
    { WAVSPOOL_CONFIG: 'env/own.yaml' },
    'env',
    'env/own.yaml',
  ],
  ['an empty WAVSPOOL_CONFIG counts as none', undefined, { WAVSPOOL_CONFIG: '' }, 'here', 'wavspool.yaml'],
  ['wavspool.yaml', undefined, {}, 'here', 'wavspool.yaml'],
])('which file: %s', (_, configFile, env, site, file) => {
  const cwd = directoryWith(FILES);
  const loaded = loadSettings({ configFile, env, cwd });
  expect(loaded.settings.site).toBe(site);
  expect(loaded.file).toBe(join(cwd, file));
});

test('the system-wide file is the last place to look, and only when no file was named', () => {
  expect(settingsCandidates(undefined, {}, '/srv').map(({ path }) => path)).toEqual([
    '/srv/wavspool.yaml',
    '/etc/wavspool/wavspool.yaml',
  ]);
  expect(settingsCandidates('a.yaml', {}, '/srv')).toEqual([{ path: '/srv/a.yaml', namedBy: '--config' }]);
  const cwd = directoryWith({ 'etc/wavspool.yaml': 'site: etc' });
  const [first, second] = [join(cwd, 'wavspool.yaml'), join(cwd, 'etc/wavspool.yaml')];
  expect(readFirst([{ path: first }, { path: second }])).toEqual({
    kind: 'read',
    path: second,
    text: 'site: etc',
  });
  expect(readFirst([{ path: first }, { path: join(second, 'no-directory') }])).toEqual({ kind: 'none' });
});

test('without any file the defaults hold, below the current directory', () => {
  const cwd = directoryWith({});
  const { settings, file } = loadSettings({ env: {}, cwd });
  expect(file).toBeUndefined();
  expect(settings.paths).toEqual({
    data: join(cwd, 'data'),
    incoming: join(cwd, 'data/incoming'),
    extracted: join(cwd, 'data/extracted'),
    state: join(cwd, 'data/state.db'),
    log: join(cwd, 'data/logs/wavspool.log'),
  });
  expect(settings.upload.backoff).toEqual({ initial: 2000, max: 300_000 });
  expect(settings.extract.maxBacklog).toEqual({ recordings: 200_000, bytes: 50 * 1024 ** 3 });
  expect(settings.redis).toEqual({});
  expect(settings.upload.bytesPerSecond).toBeUndefined();
  expect(settings.s3.accessKeyId).toBeUndefined();
});

test.each([
  [{ configFile: 'gone.yaml' }, {}, 'gone.yaml: there is no such file, and --config names it'],
  [
    {},
    { WAVSPOOL_CONFIG: '/no/such.yaml' },
    '/no/such.yaml: there is no such file, and WAVSPOOL_CONFIG names it',
  ],
  [{ configFile: 'env' }, {}, 'env: this is a directory, not a settings file'],
  [{ configFile: '/dev/null' }, {}, '/dev/null: this is not a regular file'],
])('a file that was named and cannot be used is a fault: %j %j', (option, env, message) => {
  const cwd = directoryWith(FILES);
  expect(settingsErrorOf(() => loadSettings({ ...option, env, cwd })).message).toBe(message);
});

test('a wavspool.yaml that is there and cannot be used is a fault, not a reason to look elsewhere', () => {
  const cwd = directoryWith({});
  mkdirSync(join(cwd, 'wavspool.yaml'));
  expect(settingsErrorOf(() => loadSettings({ env: {}, cwd })).message).toContain('this is a directory');
});

test('a pipe is refused instead of waited for', () => {
  const cwd = directoryWith({});
  execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(cwd, 'wavspool.yaml')]);
  expect(settingsErrorOf(() => loadSettings({ env: {}, cwd })).message).toContain('not a regular file');
});

test('a file that may not be read is named with the reason', () => {
  const cwd = directoryWith({ 'wavspool.yaml': 'site: here' });
  symlinkSync('loop', join(cwd, 'loop'));
  const { message, cause } = settingsErrorOf(() => loadSettings({ configFile: 'loop', env: {}, cwd }));
  expect(message).toBe('loop: it cannot be read: ELOOP');
  expect(cause).toMatchObject({ code: 'ELOOP' });
});

test('a file that is no UTF-8 or far too large is refused', () => {
  const cwd = directoryWith({ 'large.yaml': `#${'x'.repeat(1024 * 1024)}` });
  const binary = directoryWith({});
  execFileSync('sh', ['-c', String.raw`printf 'site: \377' > "$1"`, 'sh', join(binary, 'wavspool.yaml')]);
  expect(settingsErrorOf(() => loadSettings({ env: {}, cwd: binary })).message).toContain('not UTF-8');
  expect(settingsErrorOf(() => loadSettings({ configFile: 'large.yaml', env: {}, cwd })).message).toContain(
    'larger',
  );
});

test('relative paths lie beside the settings file, <data> stands for paths.data', () => {
  const cwd = directoryWith({
    'site/own.yaml': [
      'paths: { data: spool, incoming: ../landing, log: /var/log/w.log }',
      'databases:',
      '  - { name: a, path: <data>/a.db, snapshots: [{ name: d, on: go, dir: <data>, file: a }] }',
      'mirrors: [{ name: m, source: src, dir: ./dst, cron: "0 1 * * *" }]',
      'logs: [{ path: x/../y.log, cron: "0 1 * * *", dir: <data>/old }]',
    ].join('\n'),
  });
  const { settings } = loadSettings({ configFile: 'site/own.yaml', env: {}, cwd });
  const site = join(cwd, 'site');
  expect(settings.paths).toEqual({
    data: join(site, 'spool'),
    incoming: join(cwd, 'landing'),
    extracted: join(site, 'spool/extracted'),
    state: join(site, 'spool/state.db'),
    log: '/var/log/w.log',
  });
  expect(settings.databases[0]).toMatchObject({
    path: join(site, 'spool/a.db'),
    snapshots: [{ dir: join(site, 'spool') }],
  });
  expect(settings.mirrors[0]).toMatchObject({ source: join(site, 'src'), dir: join(site, 'dst') });
  expect(settings.logs[0]).toMatchObject({ path: join(site, 'y.log'), dir: join(site, 'spool/old') });
});

test('mappings are merged, lists and timetables replaced, null takes an optional key away', () => {
  const env = { S3_ACCESS_KEY_ID: 'a', S3_SECRET_ACCESS_KEY: 'b' };
  const { settings } = load(
    [
      'extract: { maxBacklog: { bytes: 1GiB } }',
      'arrival: { temporary: [] }',
      's3: { accessKeyId: null, secretAccessKey: null }',
      'upload:',
      '  bytesPerSecond: { "08:00": 2MiB, "19:00": null }',
      'logs: [{ path: a.log, cron: "0 1 * * *", dir: null, compress: null }]',
      'databases:',
      'http:',
    ].join('\n'),
    env,
  );
  expect(settings.extract.maxBacklog).toEqual({ recordings: 200_000, bytes: 1024 ** 3 });
  expect(settings.extract.concurrency).toBe(2);
  expect(settings.arrival.temporary).toEqual([]);
  expect(settings.arrival.patterns).toHaveLength(4);
  expect(settings.s3.accessKeyId).toBeUndefined();
  expect(settings.upload.bytesPerSecond).toEqual({ '08:00': 2_097_152, '19:00': null });
  expect(settings.logs[0]).toMatchObject({ compress: false });
  expect(settings.logs[0]).not.toHaveProperty('dir');
  expect(settings.databases).toEqual([]);
  expect(settings.http.port).toBe(3000);
});

test('the settings are frozen, however deep', () => {
  const { settings } = load('databases: [{ name: a, path: a.db }]');
  for (const part of [settings, settings.upload.backoff, settings.arrival.patterns, settings.databases[0]]) {
    expect(Object.isFrozen(part)).toBe(true);
  }
});
