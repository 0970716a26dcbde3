import { expect, test } from 'vitest';
import { WavspoolError } from '../../../../src/domain/faults.ts';
import { faultLines, load, settingsErrorOf } from './place-settings.ts';

const snapshotOf = (rest: string) =>
  `databases: [{ name: a, path: a.db, snapshots: [{ name: d, dir: b, ${rest} }] }]`;
const logOf = (rest: string) => `logs: [{ path: a.log, cron: "0 1 * * *", ${rest} }]`;

test.each([
  ['uplod: {}', 'uplod: unknown key, did you mean upload?'],
  ['s3: { forcepathstyle: true }', 's3.forcepathstyle: unknown key, did you mean forcePathStyle?'],
  ['upload: { backof: {} }', 'upload.backof: unknown key, did you mean backoff?'],
  ['bucket: x', 'bucket: unknown key, did you mean s3.bucket?'],
  ['zzzzzz: 1', 'zzzzzz: unknown key'],
  ['__proto__: { site: x }', '__proto__: unknown key'],
  ['constructor: 1', 'constructor: unknown key'],
  [snapshotOf('on: go, file: x, kep: {}'), 'databases[0].snapshots[0].kep: unknown key, did you mean keep?'],
  ['s3: bucket', 's3: found a text, allowed: a mapping'],
  ['s3: [bucket]', 's3: found a list, allowed: a mapping'],
  ['databases: {}', 'databases: found a mapping, allowed: a list'],
  ['site: 2025', 'site: found 2025 (a text goes in quotes), allowed: letters'],
  ['site: null', 'site: found nothing (null), allowed: letters'],
  ['site: ""', 'site: found "", allowed: letters'],
  [`site: ${'x'.repeat(500)}`, 'x…, allowed: letters'],
  ['timezone: Mars/Olympus', 'timezone: found "Mars/Olympus", allowed: an IANA time zone'],
  ['paths: { state: ~/s.db }', 'paths.state: found "~/s.db", allowed: a path; "~" is not expanded'],
  ['paths: { data: <data>/x }', 'paths.data: found "<data>/x", allowed: a path'],
  ['paths: { log: "" }', 'paths.log: found "", allowed: a path'],
  [
    's3: { endpoint: localhost:7480 }',
    's3.endpoint: found "localhost:7480", allowed: an http:// or https:// address',
  ],
  ['s3: { endpoint: "http://u:p@h" }', 's3.endpoint: found "http://***@h"'],
  ['s3: { prefix: /calls }', 's3.prefix: found "/calls", allowed: a text that does not begin with "/"'],
  ['s3: { bucket: a/b }', 's3.bucket: found "a/b"'],
  [
    's3: { serverSideEncryption: aes }',
    's3.serverSideEncryption: found "aes", allowed: none, AES256, aws:kms',
  ],
  ['s3: { forcePathStyle: yes }', 's3.forcePathStyle: found "yes", allowed: true or false'],
  [
    'arrival: { patterns: [] }',
    'arrival.patterns: found an empty list, allowed: a list of at least one entry',
  ],
  ['arrival: { patterns: [null] }', 'arrival.patterns[0]: found nothing (null)'],
  [
    'arrival: { patterns: [/in/*.tar] }',
    'arrival.patterns[0]: found "/in/*.tar", allowed: a pattern relative to',
  ],
  [
    'arrival: { quietSeconds: 5s }',
    'arrival.quietSeconds: found "5s", allowed: a number of seconds from 0 to 86400',
  ],
  ['arrival: { rescanSeconds: 0 }', 'arrival.rescanSeconds: found 0, allowed: a number of seconds from 1'],
  ['arrival: { rescanSeconds: .inf }', 'arrival.rescanSeconds: found '],
  ['arrival: { order: random }', 'arrival.order: found "random", allowed: newest, oldest'],
  ['extract: { concurrency: 1.5 }', 'extract.concurrency: found 1.5, allowed: a whole number, 1 or more'],
  ['extract: { minFreeBytes: 0 }', 'extract.minFreeBytes: found 0, allowed: a size'],
  ['extract: { maxEntryBytes: 4GB }', 'extract.maxEntryBytes: found "4GB", allowed: a size like 512KiB'],
  ['extract: { maxEntryBytes: true }', 'extract.maxEntryBytes: found true, allowed: a size'],
  ['upload: { multipartBytes: 1MiB }', 'at least 5MiB, at most 5GiB'],
  ['upload: { backoff: { initial: 0s } }', 'upload.backoff.initial: found "0s", allowed: a duration'],
  [
    'upload: { backoff: { max: 5 } }',
    'upload.backoff.max: found 5 (a text goes in quotes), allowed: a duration',
  ],
  ['upload: { backoff: { max: 52w } }', 'at most 2w'],
  [
    'upload: { bytesPerSecond: fast }',
    'upload.bytesPerSecond: found "fast", allowed: a size per second, a timetable',
  ],
  ['upload: { bytesPerSecond: {} }', 'upload.bytesPerSecond: '],
  [
    'upload: { bytesPerSecond: { 8am: 1MiB } }',
    'upload.bytesPerSecond.8am: not a key that is allowed here, allowed: a time',
  ],
  [
    'upload: { bytesPerSecond: { "08:00": x } }',
    'upload.bytesPerSecond["08:00"]: found "x", allowed: a size',
  ],
  ['cleanup: { incoming: never }', 'cleanup.incoming: found "never", allowed: keep, uploaded, or a duration'],
  ['http: { port: 70000 }', 'http.port: found 70000, allowed: a whole number from 0 to 65535'],
  ['databases: [{ name: a }]', 'databases[0].path: missing, allowed: a path'],
  ['databases: [x]', 'databases[0]: found a text, allowed: a mapping'],
  ['databases: [{ name: a/b, path: a.db }]', 'databases[0].name: found "a/b"'],
  [snapshotOf('file: x'), 'databases[0].snapshots[0]: needs cron, on, or both'],
  [
    snapshotOf('file: x, cron: "0 25 * * *"'),
    'snapshots[0].cron: found "0 25 * * *", allowed: a cron pattern whose hour',
  ],
  [snapshotOf('file: b/x, on: go'), 'snapshots[0].file: found "b/x", allowed: a file name'],
  [snapshotOf('file: "x_{YYYYMD}", on: go'), 'snapshots[0].file: found "x_{YYYYMD}"'],
  [snapshotOf('file: "x_{label", on: go'), 'snapshots[0].file: found "x_{label"'],
  [snapshotOf('file: .., on: go'), 'snapshots[0].file: found ".."'],
  [snapshotOf('file: x, on: go, mode: 0640'), 'snapshots[0].mode: found 640 (a text goes in quotes)'],
  [snapshotOf('file: x, on: go, keep: {}'), 'snapshots[0].keep: needs at least one of last, days'],
  [
    snapshotOf('file: x, on: go, keep: { weekday: monday }'),
    'snapshots[0].keep: needs at least one of last, days',
  ],
  [snapshotOf('file: x, on: go, keep: { days: 0 }'), 'snapshots[0].keep.days: found 0'],
  [snapshotOf('file: x, on: go, ping: "ftp://hunter2"'), 'snapshots[0].ping: found ***, allowed: an http'],
  [logOf('maxsize: 10M'), 'logs[0].maxsize: found "10M", allowed: a size'],
  [logOf('rotate: -2'), 'logs[0].rotate: found -2, allowed: a whole number, -1 or more'],
])('%s is one fault: %s', (yaml, fault) => {
  const lines = faultLines(yaml);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^wavspool\.yaml:1: /);
  expect(lines[0]).toContain(fault);
});

test('every fault is reported at once, in the order of the file, as a line and as data', () => {
  const error = settingsErrorOf(() =>
    load(
      'uplod: {}\nupload:\n  maxRetries: -1\n  backoff:\n    max: 5x\nhttp:\n  host: 0.0.0.0\n  port: x\n',
    ),
  );
  expect(error).toBeInstanceOf(WavspoolError);
  expect(error.code).toBe('SETTINGS_INVALID');
  expect(error.message.split('\n')).toEqual(error.faults.map(({ message }) => message));
  expect(error.faults.map(({ path, file, line }) => [path, file, line])).toEqual([
    ['uplod', 'wavspool.yaml', 1],
    ['upload.maxRetries', 'wavspool.yaml', 3],
    ['upload.backoff.max', 'wavspool.yaml', 5],
    ['http.token', 'wavspool.yaml', 6],
    ['http.port', 'wavspool.yaml', 8],
  ]);
  expect(JSON.parse(JSON.stringify(error.faults[2]))).toEqual({
    path: 'upload.backoff.max',
    file: 'wavspool.yaml',
    line: 5,
    problem: 'not allowed',
    found: '"5x"',
    allowed: 'a duration like 200ms, 30s, 5m, 2h, 30d or 12w, at least 1ms, at most 2w',
    message:
      'wavspool.yaml:5: upload.backoff.max: found "5x", allowed: a duration like 200ms, 30s, 5m, 2h, 30d or 12w, at least 1ms, at most 2w',
  });
});

test.each([
  's3: { accessKeyId: "hunter2 hunter2", secretAccessKey: x }',
  's3: { accesKeyId: hunter2 }',
  's3: { accessKeyId: hunter2 }',
  's3: hunter2',
  'http: hunter2',
  'http: [hunter2]',
  'http: { token: [hunter2] }',
  'http: { token: { a: hunter2 } }',
  'http: { token: "hunter2 x" }',
  'redis: { url: "http://:hunter2@localhost" }',
  'redis: { url: "redis://:hunter2@local host" }',
  'redis: { url: "redis://:hunter2@localhost:63790000" }',
  'redis: { url: "redis://:hunter2/x@localhost" }',
  'redis: { url: "redis://:hunter2%zz@localhost" }',
  'redis: { url: "redis://:hunter2@localhost/queues" }',
  'redis: { url: "redis://:hunter2@localhost?db=3" }',
  'redis: { url: "redis://:hunter2#x@localhost" }',
  'redis: { url: "redis://:hunter2@" }',
  'redis: redis://:hunter2@localhost',
  's3: { endpoint: "https://me:hunter2@store" }',
])('P9: no fault shows the secret in %s', (yaml) => {
  const error = settingsErrorOf(() => load(yaml));
  expect(JSON.stringify([error.message, error.faults, error.stack])).not.toContain('hunter2');
});

test('a fault of a value that no file holds names the variable', () => {
  const error = settingsErrorOf(() => load('{}', { WAVSPOOL_TOKEN: 'two words' }));
  expect(error.message).toBe(
    'wavspool.yaml: http.token: found ***, allowed: a text of printable ASCII without spaces (from WAVSPOOL_TOKEN in the environment)',
  );
});
