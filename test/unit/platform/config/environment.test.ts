import { expect, test } from 'vitest';
import { describeSource } from '../../../../src/platform/config/sources.ts';
import { faultLines, load } from './place-settings.ts';

test.each([
  ['${X}', { X: 'there' }, 'there'],
  ['a-${X}-${Y}', { X: '1', Y: '2' }, 'a-1-2'],
  ['${X:-fallback}', {}, 'fallback'],
  ['${X:-fallback}', { X: '' }, 'fallback'],
  ['${X:-fallback}', { X: 'there' }, 'there'],
  ['"a${X:-}b"', {}, 'ab'],
  ['"a${X}b"', { X: '' }, 'ab'],
  ['"$${X}"', { X: 'there' }, '${X}'],
  ['"$X $ {X} 5$"', { X: 'there' }, '$X $ {X} 5$'],
  ['${X}', { X: '${Y}', Y: 'not looked at again' }, '${Y}'],
  ['${X}', { X: '$& $1 $$' }, '$& $1 $$'],
  ['"${X}"', { X: ' # no comment: "here"\n- ]' }, ' # no comment: "here"\n- ]'],
  ["'${X}'", { X: "'" }, "'"],
])('the text %s with %j is %j', (text, env, expected) => {
  expect(load(`s3:\n  storageClass: ${text}\n`, env).settings.s3.storageClass).toBe(expected);
});

test.each([
  ['${X:-}', {}, 'main', 'default (X is not set)'],
  ['${X:-}', { X: '' }, 'main', 'default (X is not set)'],
  ['${X:-}', { X: 'other' }, 'other', 'env X (wavspool.yaml:1)'],
  ['${X}', { X: 'other' }, 'other', 'env X (wavspool.yaml:1)'],
  ['${X:-third}', {}, 'third', 'wavspool.yaml:1'],
])('the source of %s with %j is told', (text, env, site, source) => {
  const { settings, sources } = load(`site: ${text}\n`, env);
  expect(settings.site).toBe(site);
  expect(describeSource(sources.get('site') ?? { kind: 'default' })).toBe(source);
});

test('a reference needs no quotes between braces and brackets', () => {
  const { settings } = load(
    'http: { port: ${PORT}, token: ${TOKEN} }\narrival: { patterns: [${GLOB:-**/*.tar}, "a/${GLOB:-b}"] }',
    { PORT: '8080', TOKEN: 'x' },
  );
  expect(settings.http).toMatchObject({ port: 8080, token: { reveal: expect.any(Function) } });
  expect(settings.arrival.patterns).toEqual(['**/*.tar', 'a/b']);
});

test('numbers, switches, durations and sizes may come from the environment', () => {
  const { settings } = load(
    'http: { port: "${PORT}" }\ns3: { forcePathStyle: "${STYLE}" }\narrival: { quietSeconds: "${QUIET}" }\n' +
      'extract: { minFreeBytes: "${FREE}", maxEntries: "${ENTRIES}" }\nupload: { backoff: { max: "${MAX}" } }\n',
    { PORT: '8080', STYLE: 'false', QUIET: '1.5', FREE: '2097152', ENTRIES: '7', MAX: '10m' },
  );
  expect(settings.http.port).toBe(8080);
  expect(settings.s3.forcePathStyle).toBe(false);
  expect(settings.arrival.quietSeconds).toBe(1.5);
  expect(settings.extract.minFreeBytes).toBe(2_097_152);
  expect(settings.extract.maxEntries).toBe(7);
  expect(settings.upload.backoff.max).toBe(600_000);
});

test('a secret of digits that comes from the environment stays a text', () => {
  expect(load('http: { token: "${T}" }', { T: '0123' }).settings.http.token?.reveal()).toBe('0123');
});

test.each([
  [
    'port: ${X}',
    'abc',
    'http.port: found "abc", allowed: a whole number from 0 to 65535 (from X in the environment)',
  ],
  ['port: ${X}', '80 ', 'http.port: found "80 "'],
  ['port: ${X}', '0x50', 'http.port: found "0x50"'],
  ['port: ${X}', '70000', 'http.port: found "70000"'],
])('a faulty value for %s is reported with its variable', (line, value, fault) => {
  expect(faultLines(`http:\n  ${line}\n`, { X: value }).join('\n')).toContain(fault);
});

test.each([
  ['site: a-${X}', 'wavspool.yaml:1: site: X is not set in the environment; set it, or write ${X:-default}'],
  ['site: ${X}', 'wavspool.yaml:1: site: X is not set in the environment; set it, or write ${X:-default}'],
  [
    's3: { accessKeyId: "${X}", secretAccessKey: a }',
    's3.accessKeyId: X is not set in the environment; set it',
  ],
  ['http: { host: 0.0.0.0, token: "${X}" }', 'http.token: X is not set in the environment; set it'],
  ['site: ${X-y}', 'wavspool.yaml:1: site: "${" that is neither ${NAME} nor ${NAME:-default}'],
  ['site: "${"', '"${" that is neither'],
  ['site: ${1X}', '"${" that is neither'],
  ['site: ${X:-${Y}}', 'the default of ${X:-…} cannot hold another reference'],
  [
    'arrival: { patterns: ["${X:-}"] }',
    'arrival.patterns[0]: X is not set in the environment, and there is no default here',
  ],
  ['upload: { bytesPerSecond: { "08:00": "${X}" } }', 'upload.bytesPerSecond["08:00"]: X is not set'],
  ['logs: [{ cron: "0 1 * * *", path: "${X}" }]', 'logs[0].path: X is not set in the environment'],
  ['logs: [{ cron: "0 1 * * *", path: "${X:-}" }]', 'logs[0].path: missing, allowed: a path'],
])('%s without the variable is one fault', (yaml, fault) => {
  const lines = faultLines(yaml);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(fault);
});

test('a variable that is set to nothing is no value, and no absence unless that is said', () => {
  expect(faultLines('s3: { bucket: "${B}" }', { B: '' })).toEqual([
    expect.stringContaining('s3.bucket: B is empty in the environment; set it'),
  ]);
});

test('a value from the environment cannot change the shape of the file', () => {
  const injection = 'a: b\nsite: x\nhttp: { host: 0.0.0.0 }';
  expect(faultLines('site: ${SITE}\n', { SITE: injection })).toEqual([
    expect.stringContaining('wavspool.yaml:1: site: found "a: b\\nsite: x\\nhttp: { host: 0.0.0.0 }"'),
  ]);
  const { settings } = load('s3: { storageClass: "${CLASS}" }\n', { CLASS: injection });
  expect(settings.s3.storageClass).toBe(injection);
  expect(settings.http.host).toBe('127.0.0.1');
});
