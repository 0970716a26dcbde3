import { expect, test } from 'vitest';
import { settingsLines, showSettings } from '../../../../src/platform/config/index.ts';
import { load } from './place-settings.ts';

const YAML = `site: kiel
redis: { url: "redis://:hunter2@localhost" }
s3:
  prefix: ""
  bucket: \${BUCKET}
upload:
  backoff: { max: 300s }
  bytesPerSecond: { "08:00": 2048KiB, "19:00": null }
cleanup: { extracted: 720h }
databases:
  - name: a
    path: /a.db
    snapshots:
      - { name: d, on: go, dir: /b, file: "a_{YYYYMMDD}", keep: { days: 30 }, ping: "https://hc.example/hunter2" }
`;

const shown = (env: Record<string, string> = {}) =>
  new Map(
    showSettings(
      load(YAML, { BUCKET: 'calls', S3_ACCESS_KEY_ID: 'hunter2', S3_SECRET_ACCESS_KEY: 'hunter2', ...env }),
    ).map(({ path, value, source }) => [path, `${value} # ${source}`]),
  );

test.each([
  ['site', 'kiel # wavspool.yaml:1'],
  ['timezone', 'UTC # default'],
  ['redis.url', '*** # wavspool.yaml:2'],
  ['s3.prefix', '"" # wavspool.yaml:4'],
  ['s3.bucket', 'calls # env BUCKET (wavspool.yaml:5)'],
  ['s3.endpoint', 'null # default'],
  ['s3.accessKeyId', '*** # env S3_ACCESS_KEY_ID'],
  ['http.token', 'null # default (WAVSPOOL_TOKEN is not set)'],
  ['arrival.patterns', '[ "**/*.tar", "**/*.tar.gz", "**/*.tgz", "**/*.tar.zst" ] # default'],
  ['extract.minFreeBytes', '1GiB # default'],
  ['upload.backoff.initial', '2s # default'],
  ['upload.backoff.max', '5m # wavspool.yaml:7'],
  ['upload.bytesPerSecond', '{ 08:00: 2MiB, 19:00: null } # wavspool.yaml:8'],
  ['upload.multipartBytes', '16MiB # default'],
  ['cleanup.extracted', '30d # wavspool.yaml:9'],
  ['cleanup.incoming', 'keep # default'],
  ['databases[0].snapshots[0].file', '"a_{YYYYMMDD}" # wavspool.yaml:14'],
  ['databases[0].snapshots[0].keep.days', '30 # wavspool.yaml:14'],
  ['databases[0].snapshots[0].keep.weekday', 'sunday # default'],
  ['databases[0].snapshots[0].mode', '"0600" # default'],
  ['databases[0].snapshots[0].ping', '*** # wavspool.yaml:14'],
  ['databases[0].exports', '[] # default'],
  ['mirrors', '[] # default'],
])('%s is shown as %s', (path, text) => expect(shown().get(path)).toBe(text));

test('P9: nothing that is shown holds a secret', () => {
  expect(JSON.stringify([...shown()])).not.toContain('hunter2');
});

test('an optional mapping that is absent is one line, and every path is shown once', () => {
  const paths = showSettings(load(YAML, { BUCKET: 'calls' })).map(({ path }) => path);
  expect(paths).toContain('databases[0].pointInTime');
  expect(new Set(paths).size).toBe(paths.length);
});

test('the lines for a terminal have one setting each, with its source behind it', () => {
  expect(
    settingsLines([
      { path: 'site', value: 'main', source: 'default' },
      { path: 'http.port', value: '3000', source: 'wavspool.yaml:2' },
    ]),
  ).toEqual(['site: main       # default', 'http.port: 3000  # wavspool.yaml:2']);
});

test('what is shown can be written into a settings file and means the same', () => {
  const first = load(
    'upload: { bytesPerSecond: { "08:00": 3KiB } }\narrival: { temporary: ["{a,b}", "#c", "- d"] }',
  );
  const again = showSettings(first)
    .filter(({ path, value }) => value !== 'null' && !path.startsWith('paths'))
    .map(({ path, value }) => path.split('.').reduceRight((inner, key) => `{ ${key}: ${inner} }`, value));
  for (const yaml of again) expect(() => load(yaml)).not.toThrow(/not a key|found/);
});
