import { expect, test } from 'vitest';
import { effectiveDatabases } from '../../../../src/platform/config/index.ts';
import { faultLines, load } from './place-settings.ts';

const database = (rest: string) => `databases: [{ name: a, path: a.db, ${rest} }]`;
const twoSnapshots = (one: string, two: string) =>
  database(`snapshots: [{ name: x, on: go, dir: d, ${one} }, { name: y, on: go, dir: d, ${two} }]`);

test.each([
  ['paths: { incoming: a, extracted: a }', 'paths.extracted: must lie outside paths.incoming'],
  ['paths: { incoming: a, extracted: a/b }', 'paths.extracted: must lie outside paths.incoming'],
  ['paths: { incoming: a/b, extracted: a }', 'paths.extracted: must lie outside paths.incoming'],
  ['paths: { incoming: a/./b/../c, extracted: a/c/ }', 'paths.extracted: must lie outside paths.incoming'],
  ['paths: { incoming: a, state: a/state.db }', 'paths.state: must lie outside paths.incoming'],
  ['paths: { extracted: a, state: a/b/state.db }', 'paths.state: must lie outside paths.extracted'],
  [
    'paths: { incoming: /, extracted: a, state: b, data: c }',
    'paths.extracted: must lie outside paths.incoming',
  ],
  [
    'paths: { data: a/b, incoming: a, extracted: c, state: d }',
    'paths.data: must lie outside paths.incoming',
  ],
  ['paths: { log: a, state: a }', 'paths.log: must not be paths.state'],
  ['upload: { backoff: { initial: 10m } }', 'upload.backoff.initial: must not be above upload.backoff.max'],
  ['extract: { maxTotalBytes: 1GiB }', 'extract.maxEntryBytes: must not be above extract.maxTotalBytes'],
  [
    'arrival: { incompleteAfterSeconds: 4 }',
    'arrival.incompleteAfterSeconds: must not be below arrival.quietSeconds',
  ],
  [
    'redis: { url: "redis://r", cluster: ["a:1"] }',
    'redis.cluster: only one of url, sentinels and cluster can be given',
  ],
  ['redis: { sentinels: ["a:1"] }', 'redis.name: goes with redis.sentinels'],
  ['redis: { cluster: ["a:1"], name: calls }', 'redis.name: goes with redis.sentinels'],
  ['redis: { cluster: ["a:1"], sentinelPassword: x }', 'redis.sentinelPassword: goes with redis.sentinels'],
  ['redis: { cluster: ["a:1"], tls: { cert: x } }', 'redis.tls.key: cert and key go together'],
  ['redis: { cluster: ["a:1"], tls: { key: x } }', 'redis.tls.cert: cert and key go together'],
  ['redis: { url: "redis://r", tls: {} }', 'redis.tls: goes with an address that begins with rediss://'],
  ['redis: { password: x }', 'redis.url: goes with username, password and tls'],
  ['redis: { tls: {} }', 'redis.url: goes with username, password and tls'],
  ['redis: { sentinels: ["a"], name: calls }', 'redis.sentinels[0]: found "a", allowed: host:port'],
  ['redis: { cluster: ["a:70000"] }', 'redis.cluster[0]: found "a:70000", allowed: host:port'],
  ['redis: { cluster: ["redis://a:1"] }', 'redis.cluster[0]: found "redis://a:1", allowed: host:port'],
  ['redis: { cluster: [] }', 'redis.cluster: '],
  ['s3: { accessKeyId: x }', 's3.secretAccessKey: accessKeyId and secretAccessKey go together'],
  ['s3: { secretAccessKey: x }', 's3.accessKeyId: accessKeyId and secretAccessKey go together'],
  ['s3: { kmsKeyId: x }', 's3.kmsKeyId: goes with serverSideEncryption: aws:kms'],
  ['s3: { serverSideEncryption: aws:kms }', 's3.kmsKeyId: goes with serverSideEncryption: aws:kms'],
  [
    'http: { host: 0.0.0.0 }',
    'http.token: must be set to listen on 0.0.0.0, which is not loopback (WAVSPOOL_TOKEN is not set',
  ],
  ['http: { host: "::" }', 'http.token: must be set to listen on ::'],
  ['http: { host: 127.0.0.1.example.org }', 'http.token: must be set'],
  ['http: { host: 0.0.0.0, token: null }', 'http.token: must be set'],
  ['databases: [{ name: a, path: a }, { name: a, path: b }]', 'databases[1].name: "a" stands twice'],
  [
    twoSnapshots('file: a', 'file: b, name: x').replace('name: y, ', ''),
    'databases[0].snapshots[1].name: "x" stands twice',
  ],
  [
    twoSnapshots('file: a', 'file: a'),
    'databases[0].snapshots[1].file: another schedule writes the same file',
  ],
  [
    twoSnapshots('file: a', 'file: b.db.gz'),
    'databases[0].snapshots[1].file: its name says gzip, and compress is none',
  ],
  [
    twoSnapshots('file: a', 'file: b.db.gz, compress: zstd'),
    'databases[0].snapshots[1].file: its name says gzip, and compress is zstd',
  ],
  ['logs: [{ path: a, cron: "0 1 * * *" }, { path: ./a, cron: "0 2 * * *" }]', 'logs[1].path: '],
  [
    'mirrors: [{ name: m, source: a, dir: b, cron: "0 1 * * *", databases: [sate] }]',
    'mirrors[0].databases[0]: no database has the name "sate"; known: state',
  ],
  [
    'mirrors: [{ name: m, source: a, dir: a/b, cron: "0 1 * * *" }]',
    'mirrors[0].dir: must lie outside of what is copied',
  ],
  [
    'databases: [{ name: state, path: s.db, snapshots: [{ name: d, on: go, dir: d, file: f, mode: "0640" }] }]',
    'databases[0].snapshots[0].mode: must be 0600',
  ],
  [
    'databases: [{ name: own, path: <data>/state.db, snapshots: [{ name: d, on: go, dir: d, file: f, mode: "0640" }] }]',
    'databases[0].snapshots[0].mode: must be 0600',
  ],
  [
    database('pointInTime: { every: 5m, keep: 1m, dir: p }'),
    'databases[0].pointInTime.keep: found "1m", allowed: a duration not below "every"',
  ],
])('%s breaks a rule of the whole: %s', (yaml, fault) => {
  expect(faultLines(yaml).filter((line) => line.startsWith(`wavspool.yaml:1: ${fault}`))).toHaveLength(1);
});

test.each([
  'paths: { incoming: a, extracted: ab }',
  'paths: { incoming: a/in, extracted: a/out, state: a/state.db, data: a }',
  'upload: { backoff: { initial: 5m, max: 5m } }',
  'redis: { url: "rediss://r", tls: { ca: x, cert: y, key: z }, username: a, password: b }',
  'redis: { sentinels: ["a:1", "[::1]:2"], name: calls, sentinelUsername: a, sentinelPassword: b, tls: {} }',
  'redis: { cluster: ["10.0.0.1:7000"], password: x }',
  's3: { accessKeyId: x, secretAccessKey: y }',
  's3: { serverSideEncryption: aws:kms, kmsKeyId: x }',
  'http: { host: 0.0.0.0, token: x }',
  'http: { host: localhost }',
  'http: { host: "::1" }',
  'http: { host: 127.9.9.9 }',
  'mirrors: [{ name: m, source: a, dir: ab, cron: "0 1 * * *", databases: [state] }]',
  twoSnapshots('file: "a_{label}"', 'file: "a_{YYYYMMDD}"'),
  twoSnapshots('file: a.db.gz, compress: gzip', 'file: b.db, compress: zstd'),
  database('snapshots: [{ name: d, on: go, dir: d, file: f, mode: "0640", dirMode: "0750" }]'),
])('%s breaks no rule', (yaml) => {
  expect(load(yaml).settings.site).toBe('main');
});

test('rules are checked beside faults of other settings', () => {
  const lines = faultLines('site: ""\nupload: { backoff: { initial: 1h } }\nmirrors: [{ databases: [x] }]');
  expect(lines.join('\n')).toContain('site: ');
  expect(lines.join('\n')).toContain('upload.backoff.initial: must not be above');
  expect(lines.join('\n')).toContain('mirrors[0].databases[0]: no database has the name "x"');
});

test("state.db's own entry, with a nightly snapshot, is there unless the settings give one of that name", () => {
  const { settings } = load('databases: [{ name: other, path: o.db }]');
  const copies = expect.stringMatching(/\/snapshots$/);
  expect(effectiveDatabases(settings)).toEqual([
    {
      name: 'state',
      path: settings.paths.state,
      snapshots: [
        expect.objectContaining({
          name: 'nightly',
          cron: '0 2 * * *',
          dir: copies,
          keep: { days: 30, weekday: 'sunday' },
        }),
      ],
      exports: [],
      asserts: [],
      drill: '30 4 * * 0',
    },
    { ...settings.databases[0], snapshots: [expect.objectContaining({ name: 'by-hand', dir: copies })] },
  ]);
  const own = load('databases: [{ name: state, path: /s.db, asserts: [SELECT 1] }]').settings;
  expect(effectiveDatabases(own)).toEqual([expect.objectContaining({ name: 'state', path: '/s.db' })]);
});

const copiesOf = (...schedules: string[]) =>
  `databases:\n  - { name: shop, path: /srv/shop-prod.db, snapshots: [${schedules.map((one, n) => `{ name: s${n}, on: go, ${one} }`).join(', ')}] }\n  - { name: eu, path: /srv/eu.db }`;

test.each([
  [
    copiesOf('dir: /srv, file: "shop-{label}.db"'),
    'file: can be the name of the live database /srv/shop-prod.db',
  ],
  [copiesOf('dir: /srv/, file: "{label}"'), 'file: can be the name of the live database'],
  [copiesOf('dir: /srv, file: "eu.db"'), 'file: can be the name of the live database /srv/eu.db'],
  [copiesOf('dir: /srv, file: "shop-prod.db-{label}"'), 'file: can be the name of the live database'],
  [
    copiesOf('dir: /b, file: "{name}-{label}.db"', 'dir: /b, file: "shop-{label}.db"'),
    'snapshots[1].file: another schedule writes the same file in the same dir',
  ],
  [
    copiesOf(
      'dir: /b, file: "a-{label}.db", dirMode: "0750"',
      'dir: /b, file: "b-{label}.db", dirMode: "0700"',
    ),
    'snapshots[1].dirMode: another schedule of this dir has 0750',
  ],
])('copies that can never be right: %#', (text, fault) => {
  expect(faultLines(text).join('\n')).toContain(fault);
});

test.each([
  copiesOf('dir: /srv, file: "shop-{YYYY-MM-DD}.db"'),
  copiesOf('dir: /srv, file: "shop-{label}.db", compress: gzip'),
  copiesOf('dir: /srv/copies, file: "{name}-{label}.db"'),
  copiesOf('dir: /b, file: "shop-{label}.db"', 'dir: /b, file: "shop-{YYYY-MM-DD}.db"'),
  copiesOf(
    'dir: /b, file: "a-{label}.db", dirMode: "0750"',
    'dir: /b, file: "b-{label}.db", dirMode: "0750"',
  ),
  copiesOf('dir: /b, file: "a-{label}.db", dirMode: "0750"', 'dir: /b, file: "b-{label}.db"'),
])('copies that their records tell apart: %#', (text) => {
  expect(load(text).settings.databases).toHaveLength(2);
});

const logOf = (rest: string) => `logs: [{ cron: "0 1 * * *", ${rest} }]`;

test.each([
  [logOf('path: <data>/state.db'), 'logs[0].path: must not be a database'],
  [`databases: [{ name: a, path: a.db }]\n${logOf('path: a.db')}`, 'logs[0].path: must not be a database'],
  [logOf('path: a.log, file: a.old'), 'logs[0].file: must hold a date'],
  [logOf('path: "*.log", file: "a-{YYYYMMDD}"'), 'logs[0].file: must hold {name}'],
  [logOf('path: "*/a.log", dir: old'), 'logs[0].dir: must be left out'],
  [logOf('path: a.log, dateformat: "-%j"'), 'logs[0].dateformat: found "-%j", allowed: a date made of'],
  [logOf('path: a.log, dateformat: ".old"'), 'logs[0].dateformat: found ".old", allowed: a date made of'],
  [logOf('path: a.log, dateformat: "/%Y"'), 'logs[0].dateformat: found "/%Y", allowed: a date made of'],
])('%s breaks a rule of rotation: %s', (yaml, fault) => {
  expect(faultLines(yaml).filter((line) => line.includes(`: ${fault}`))).toHaveLength(1);
});

test.each([
  logOf('path: a.log, file: "{name}-{YYYY-MM-DD-HH-mm-ss}.log"'),
  logOf('path: "*.log", file: "{name}-{YYYYMMDD}", dir: old'),
  logOf('path: "a/*.log", dir: old, rotate: -1, start: 0, maxage: 3, delaycompress: true, extension: .log'),
  logOf('path: a.log, dateext: true, dateformat: ".%s"'),
])('%s breaks no rule of rotation', (yaml) => {
  expect(load(yaml).settings.logs).toHaveLength(1);
});
