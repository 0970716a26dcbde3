import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { KEYS } from '../../../../src/platform/config/keys.ts';
import { loadSettings } from '../../../../src/platform/config/index.ts';
import { directoryWith, load } from './place-settings.ts';

const read = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');

/** Keys that hold values, not more keys; a list of entries counts as both. */
const valueKeys = [...KEYS].filter(([, info]) => info.holds === 'a value').map(([key]) => key);
const listKeys = [...KEYS.keys()].filter((key) =>
  [...KEYS.keys()].some((other) => other.startsWith(`${key}[].`)),
);

/** The rows of every table in docs/settings.md: the key and its default. */
const documented = new Map(
  [...read('docs/settings.md').matchAll(/^\| +`([^`]+)` +\|.*\| +([^|]+?) +\|$/gm)].map(
    ([, key = '', fallback = '']) => [key, fallback],
  ),
);

function leavesOf(value: unknown, path = ''): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, inner]) =>
    leavesOf(inner, path === '' ? key : `${path}.${key}`),
  );
}

const defaults = new Map(leavesOf(parse(read('src/platform/config/defaults.yaml'))));

/** Mappings that are absent as a whole by default: that they are given means something by itself. */
const absentMappings = [...defaults.keys()].filter(
  (key) => KEYS.get(key)?.holds === 'keys' && !listKeys.includes(key),
);

test('defaults.yaml holds every key outside of list entries and of absent mappings, and no other', () => {
  const isAbsent = (key: string): boolean => absentMappings.some((mapping) => key.startsWith(`${mapping}.`));
  const keys = [...valueKeys, ...listKeys].filter((key) => !key.includes('[]') && !isAbsent(key));
  keys.push(...absentMappings);
  expect([...defaults.keys()].toSorted()).toEqual(keys.toSorted());
});

test('docs/settings.md documents every key, and no other', () => {
  expect([...documented.keys()].toSorted()).toEqual(
    [...valueKeys, ...listKeys, ...absentMappings].toSorted(),
  );
});

test('docs/settings.md says the defaults that hold', () => {
  for (const [key, fallback] of documented) {
    expect(`${key} ${fallback}`).toBe(`${key} ${expectedDefault(key)}`);
  }
});

function expectedDefault(key: string): string {
  const value = key.includes('[]') ? KEYS.get(key)?.fallback : defaults.get(key);
  if (value === undefined) return KEYS.get(key)?.presence === 'required' ? 'required' : 'absent';
  if (Array.isArray(value)) return `\`[${value.map((entry) => JSON.stringify(entry)).join(', ')}]\``;
  return `\`${stringify(value, { lineWidth: 0 }).trim()}\``;
}

test('defaults.yaml, written out as a settings file, changes nothing', () => {
  const written = loadSettings({
    cwd: directoryWith({ 'wavspool.yaml': read('src/platform/config/defaults.yaml') }),
    env: {},
  });
  const without = load('{}');
  expect({ ...written.settings, paths: {} }).toEqual({ ...without.settings, paths: {} });
});

test('the examples of a whole settings file are valid', () => {
  const { settings } = load(EXAMPLE, {
    S3_ACCESS_KEY_ID: 'a',
    S3_SECRET_ACCESS_KEY: 'b',
    WAVSPOOL_TOKEN: 'c',
  });
  expect(settings.http.token?.reveal()).toBe('c');
  expect(settings.redis.url?.reveal()).toBe('redis://127.0.0.1:6379');
  expect(settings.databases[0]?.snapshots[0]).toMatchObject({
    keep: { days: 30 },
    offsite: { keep: { days: 90 } },
  });
  expect(settings.databases[0]?.pointInTime).toMatchObject({
    mode: 'pages',
    every: 300_000,
    keep: 604_800_000,
  });
  expect(settings.logs[0]).toMatchObject({ rotate: 7, copytruncate: true });
});

const EXAMPLE = `
site: main
paths:
  data: ./data                       # where the defaults below lie
  incoming: <data>/incoming
  extracted: <data>/extracted
  state: <data>/state.db
  log: <data>/logs/wavspool.log
redis:
  url: redis://127.0.0.1:6379        # absent: embedded, a private redis-server with AOF under <data>/redis
s3:
  bucket: recordings
  prefix: ""
  endpoint: http://127.0.0.1:7480    # absent: AWS
  region: us-east-1
  forcePathStyle: true
  accessKeyId: \${S3_ACCESS_KEY_ID}   # absent: the AWS credential chain
  secretAccessKey: \${S3_SECRET_ACCESS_KEY}
  storageClass: STANDARD
  checksum: auto                     # auto | sha256 | md5 | none
  ca: null                           # a PEM file for a private CA
  serverSideEncryption: none         # none | AES256 | aws:kms (with kmsKeyId)
arrival:
  patterns: ["**/*.tar", "**/*.tar.gz", "**/*.tgz", "**/*.tar.zst"]
  temporary: ["**/*.part", "**/*.filepart", "**/*.tmp", "**/.*"]
  quietSeconds: 5
  doneMarker: null                   # e.g. ".done": file1.tar counts when file1.tar.done exists
  rescanSeconds: 60
  order: newest                      # newest | oldest
  incompleteAfterSeconds: 3600
  unterminated: incomplete
extract:
  concurrency: 2
  maxEntries: 1000000
  maxEntryBytes: 4GiB
  maxTotalBytes: 200GiB
  minFreeBytes: 1GiB                 # extraction waits, loudly, rather than fill the disk
  maxBacklog: { recordings: 200000, bytes: 50GiB }   # extracted and not yet uploaded; beyond it extraction waits
upload:
  concurrency: 64                    # requests in flight for the site
  maxRetries: 5
  backoff: { initial: 2s, max: 5m }  # exponential, full jitter
  multipartBytes: 16MiB
  bytesPerSecond: null               # a cap for the whole site, or a timetable: { "08:00": 2MiB, "19:00": null }
cleanup:
  extracted: keep                    # keep | uploaded | <duration after upload>
  incoming: keep
http: { host: 127.0.0.1, port: 3000, token: \${WAVSPOOL_TOKEN} }
shutdownSeconds: 30
databases:
  - name: state
    path: /home/sftpbackup/logs/state.db
    snapshots:
      - name: daily
        cron: "0 2 * * *"            # or  on: gallery-added   (an event)   or both
        dir: /home/sftpbackup/logs
        file: state.db.backup_{YYYYMMDD}      # {YYYY-MM-DD} {YYYY-MM-DD-HH-mm-ss} {HHmmss} {label} {name}
        compress: none               # none | gzip | zstd
        keep: { days: 30 }           # any of last, days, daily, weekly, monthly, weekday (default sunday)
        latest: true                 # a symlink \`latest\` beside them
        offsite: { prefix: backups/, file: state_{YYYY-MM-DD}.db, keep: { days: 90 } }
    exports:
      - { name: social, cron: "0 3 * * 0", tables: [comments, likes], dir: …, file: social-tables-{YYYY-MM-DD}.sql, compress: gzip, keep: { days: 84 } }
    pointInTime: { mode: pages, every: 5m, keep: 7d, dir: … }   # pages: any database; wal: every commit, WAL databases only
    asserts: ["SELECT count(*) > 0 FROM uploads"]
  - { name: soundbox, path: /srv/soundbox/soundbox.db }
mirrors:
  - { name: audio, source: …/generated, databases: [soundbox], dir: /var/backups/soundbox, cron: "0 3 * * *", keep: { daily: 14, weekly: 9 } }
logs:
  - { path: /home/sftpbackup/logs/files_logs.log, cron: "0 1 * * *", rotate: 7, compress: true, missingok: true, notifempty: true, copytruncate: true,
      dateext: false, dir: null, file: null, minsize: null, maxsize: null }
`;
