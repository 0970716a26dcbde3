import type { BrokenRule, Sound } from './broken-rule.ts';
import { copyRules } from './copy-rules.ts';
import { isWithin } from '../runtime/index.ts';
import { below, isMapping } from './paths.ts';
import { isStateFile } from './ledger-address.ts';
import { isEmbeddedRedis } from './redis-address.ts';
import { STATE_DATABASE } from './effective-databases.ts';
import type { Path } from './tree.ts';
import type { Settings } from './schema.ts';

/**
 * What is wrong with the settings as a whole, beyond each value by itself. `sound` holds the valid sections; `values`
 * is everything as written, for what can be said of a section even when something else in it is wrong.
 */
export function brokenRules(sound: Sound, values: unknown): BrokenRule[] {
  return [
    ...pathRules(sound.paths),
    ...redisRules(sound.redis),
    ...ledgerRules(sound),
    ...storeRules(sound.s3),
    ...flowRules(sound),
    ...nameRules(values),
    ...copyRules(sound),
    ...mirrorRules(sound),
    ...logRules(sound),
    ...httpRules(values),
  ];
}

function pathRules(paths: Settings['paths'] | undefined): BrokenRule[] {
  if (paths === undefined) return [];
  const { data, incoming, extracted, state, log } = paths;
  const rules: readonly (readonly [boolean, string, string])[] = [
    [
      overlap(incoming, extracted),
      'extracted',
      'must lie outside paths.incoming, and paths.incoming outside it',
    ],
    [overlap(incoming, state), 'state', 'must lie outside paths.incoming: SFTP clients write there'],
    [overlap(extracted, state), 'state', 'must lie outside paths.extracted: cleanup removes files there'],
    [
      isWithin(incoming, data),
      'data',
      'must lie outside paths.incoming: it holds secrets, and SFTP clients read there',
    ],
    [log === state, 'log', 'must not be paths.state'],
  ];
  return rules.filter(([broken]) => broken).map(([, key, problem]) => ({ path: ['paths', key], problem }));
}

function overlap(one: string, other: string): boolean {
  return isWithin(one, other) || isWithin(other, one);
}

function ledgerRules({ state, paths }: Sound): BrokenRule[] {
  if (paths === undefined || isStateFile(state?.url?.reveal(), paths)) return [];
  const problem = 'must be the file that paths.state names: set paths.state to it';
  return [{ path: ['state', 'url'], problem }];
}

function redisRules(redis: Settings['redis'] | undefined): BrokenRule[] {
  if (redis === undefined) return [];
  const { url, sentinels, name, cluster, sentinelUsername, sentinelPassword, tls } = redis;
  const [, ...others] = Object.entries({ url, sentinels, cluster }).filter(
    ([, value]) => value !== undefined,
  );
  const ofSentinels = Object.entries({ name, sentinelUsername, sentinelPassword });
  const rules: readonly (readonly [boolean, string, string])[] = [
    ...others.map(([key]) => [true, key, 'only one of url, sentinels and cluster can be given'] as const),
    [
      sentinels !== undefined && name === undefined,
      'name',
      'goes with redis.sentinels: the name of the master',
    ],
    ...ofSentinels.map(
      ([key, value]) =>
        [sentinels === undefined && value !== undefined, key, 'goes with redis.sentinels'] as const,
    ),
    [
      (tls?.cert === undefined) !== (tls?.key === undefined),
      tls?.cert === undefined ? 'tls.cert' : 'tls.key',
      'cert and key go together, or neither is given',
    ],
    [
      tls !== undefined && url !== undefined && !url.reveal().startsWith('rediss:'),
      'tls',
      'goes with an address that begins with rediss://',
    ],
    [
      isEmbeddedRedis(redis) && (redis.username ?? redis.password ?? tls) !== undefined,
      'url',
      'goes with username, password and tls: without an address wavspool starts a Redis of its own',
    ],
  ];
  return rules
    .filter(([broken]) => broken)
    .map(([, key, problem]) => ({ path: ['redis', ...key.split('.')], problem }));
}

function storeRules(s3: Settings['s3'] | undefined): BrokenRule[] {
  if (s3 === undefined) return [];
  const broken: BrokenRule[] = [];
  if ((s3.accessKeyId === undefined) !== (s3.secretAccessKey === undefined)) {
    const missing = s3.accessKeyId === undefined ? 'accessKeyId' : 'secretAccessKey';
    broken.push({
      path: ['s3', missing],
      problem: 'accessKeyId and secretAccessKey go together, or neither is given',
    });
  }
  if ((s3.kmsKeyId !== undefined) !== (s3.serverSideEncryption === 'aws:kms')) {
    broken.push({
      path: ['s3', 'kmsKeyId'],
      problem: 'goes with serverSideEncryption: aws:kms, and that with it',
    });
  }
  return broken;
}

function flowRules({ arrival, extract, upload }: Sound): BrokenRule[] {
  const broken: BrokenRule[] = [];
  if (arrival !== undefined && arrival.incompleteAfterSeconds < arrival.quietSeconds) {
    broken.push({
      path: ['arrival', 'incompleteAfterSeconds'],
      problem: 'must not be below arrival.quietSeconds',
    });
  }
  if (extract !== undefined && extract.maxEntryBytes > extract.maxTotalBytes) {
    broken.push({ path: ['extract', 'maxEntryBytes'], problem: 'must not be above extract.maxTotalBytes' });
  }
  if (upload !== undefined && upload.backoff.initial > upload.backoff.max) {
    broken.push({ path: ['upload', 'backoff', 'initial'], problem: 'must not be above upload.backoff.max' });
  }
  return broken;
}

function httpRules(values: unknown): BrokenRule[] {
  const http = below(values, 'http');
  const host = below(http, 'host');
  const isLoopback = typeof host !== 'string' || /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host);
  if (isLoopback || below(http, 'token') !== undefined) return [];
  return [{ path: ['http', 'token'], problem: `must be set to listen on ${host}, which is not loopback` }];
}

function nameRules(values: unknown): BrokenRule[] {
  const databases = entriesOf(values, 'databases');
  const known = new Set([STATE_DATABASE, ...databases.map((database) => below(database, 'name'))]);
  return [
    ...repeated(databases, 'name', ['databases']),
    ...databases.flatMap((database, index) => [
      ...repeated(entriesOf(database, 'snapshots'), 'name', ['databases', index, 'snapshots']),
      ...repeated(entriesOf(database, 'exports'), 'name', ['databases', index, 'exports']),
    ]),
    ...repeated(entriesOf(values, 'mirrors'), 'name', ['mirrors']),
    ...repeated(entriesOf(values, 'sites'), 'name', ['sites']),
    ...repeated(entriesOf(values, 'logs'), 'path', ['logs']),
    ...entriesOf(values, 'mirrors').flatMap((mirror, index) =>
      listOf(mirror, 'databases').flatMap((name, position) =>
        typeof name !== 'string' || known.has(name)
          ? []
          : [
              {
                path: ['mirrors', index, 'databases', position],
                problem: `no database has the name ${JSON.stringify(name)}; known: ${[...known].join(', ')}`,
              },
            ],
      ),
    ),
  ];
}

function repeated(entries: readonly unknown[], key: string, path: Path): BrokenRule[] {
  const seen = new Set<unknown>();
  return entries.flatMap((entry, index) => {
    const value = below(entry, key);
    const again = typeof value === 'string' && seen.has(value);
    seen.add(value);
    return again
      ? [{ path: [...path, index, key], problem: `${JSON.stringify(value)} stands twice; it must be unique` }]
      : [];
  });
}

function entriesOf(value: unknown, key: string): readonly unknown[] {
  return listOf(value, key).map((entry) => (isMapping(entry) ? entry : {}));
}

function listOf(value: unknown, key: string): readonly unknown[] {
  const list = below(value, key);
  return Array.isArray(list) ? list : [];
}

function mirrorRules({ mirrors = [] }: Sound): BrokenRule[] {
  const dirs = new Map<string, string>();
  return mirrors.flatMap(({ name, source, sources, dir }, index) => {
    const path = ['mirrors', index, 'dir'];
    const other = dirs.get(dir);
    dirs.set(dir, other ?? name);
    const copied = source === undefined ? Object.values(sources ?? {}) : [source];
    return [
      ...(copied.some((one) => isWithin(one, dir))
        ? [{ path, problem: 'must lie outside of what is copied: the mirror would copy itself' }]
        : []),
      ...(other === undefined
        ? []
        : [{ path, problem: `is the directory of mirror ${other}: their dates and "latest" would mix` }]),
    ];
  });
}

function logRules({ logs = [], paths, databases = [] }: Sound): BrokenRule[] {
  const stores = new Set([
    ...(paths === undefined ? [] : [paths.state]),
    ...databases.map(({ path }) => path),
  ]);
  return logs.flatMap(({ path, file, dir }, index) => {
    const isPattern = /[*?[]/.test(path);
    const rules: readonly (readonly [boolean, string, string])[] = [
      [stores.has(path), 'path', 'must not be a database'],
      [
        file !== undefined && !/\{YYYY-?MM-?DD/.test(file),
        'file',
        'must hold a date: {YYYYMMDD}, {YYYY-MM-DD} or {YYYY-MM-DD-HH-mm-ss}',
      ],
      [
        file !== undefined && isPattern && !file.includes('{name}'),
        'file',
        'must hold {name}: path may stand for several logs, whose archives would share names',
      ],
      [
        dir !== undefined && /[*?[].*\//.test(path),
        'dir',
        'must be left out: path may stand for logs of several directories, whose archives would share names',
      ],
    ];
    return rules
      .filter(([broken]) => broken)
      .map(([, key, problem]) => ({ path: ['logs', index, key], problem }));
  });
}
