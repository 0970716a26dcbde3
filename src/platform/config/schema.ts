import { isIP } from 'node:net';
import { z } from 'zod';
import { database, log, mirror } from './maintenance.ts';
import { LEDGER_ADDRESS, isLedgerAddress } from './ledger-address.ts';
import { REDIS_ADDRESS, REDIS_NODE, isRedisAddress, redisNode } from './redis-address.ts';
import {
  count,
  duration,
  listOf,
  mapOf,
  oneOf,
  path,
  secret,
  secretThat,
  seconds,
  size,
  someOf,
  text,
  textLike,
  timezone,
  waitingTime,
  wholeNumber,
  yesNo,
} from './values.ts';

const DAY_SECONDS = 86_400;
const ANY = Number.MAX_SAFE_INTEGER;

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day, e.g. "08:00"');

const perSecond = size({ min: 1, max: ANY });

const timetable = z
  .record(clockTime, perSecond.nullable())
  .refine(
    (value) => Object.keys(value).length > 0,
    'at least one time of day, e.g. { "08:00": 2MiB, "19:00": null }',
  );

const cleanup = z
  .union([z.literal('keep'), z.literal('uploaded'), duration()], {
    error: 'keep, uploaded, or a duration after the upload, e.g. 30d',
  })
  .meta({ kind: 'duration' });

const redisNodes = someOf(
  text.refine((value) => redisNode(value) !== undefined, REDIS_NODE),
  REDIS_NODE,
);

function isAddressOrNetwork(value: string): boolean {
  const [address = '', bits, ...rest] = value.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

const mailAddress = textLike(/^[^\s<>@,]+@[^\s<>@,]+$/, 'a mail address, e.g. ops@example.com');

const glob = textLike(/^(?!\/|\.\.\/)./, 'a pattern relative to paths.incoming, e.g. "**/*.tar"');

/**
 * The settings (docs/settings.md), with durations as milliseconds and sizes as bytes. What is optional here is absent
 * by default; every other default stands in `defaults.yaml`, but for those of list entries, which stand with the entry.
 */
export const settingsSchema = z.strictObject({
  site: textLike(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'letters, digits, "-" and "_", at most 63, e.g. main'),
  timezone,
  paths: z.strictObject({ data: path, incoming: path, extracted: path, state: path, log: path }),
  redis: z.strictObject({
    /** Absent: a private redis-server below `paths.data`. A secret, for it may hold a password. */
    url: secretThat(isRedisAddress, REDIS_ADDRESS).optional(),
    /** Instead of `url`: those that know who the master called `name` is. */
    sentinels: redisNodes.optional(),
    name: textLike(/^[\w.-]+$/, 'letters, digits, "-", "_" and "."').optional(),
    /** Instead of `url`: some nodes of a Redis Cluster. */
    cluster: redisNodes.optional(),
    username: text.optional(),
    password: secret.optional(),
    sentinelUsername: text.optional(),
    sentinelPassword: secret.optional(),
    /** Absent: TLS only where `url` begins with rediss://. */
    tls: z
      .strictObject({
        ca: path.optional(),
        cert: path.optional(),
        key: path.optional(),
        servername: text.optional(),
      })
      .optional(),
  }),
  state: z.strictObject({
    /** Absent: the SQLite file `paths.state`. A secret, for it may hold a password. */
    url: secretThat(isLedgerAddress, LEDGER_ADDRESS).optional(),
  }),
  s3: z.strictObject({
    bucket: textLike(
      /^[A-Za-z0-9][A-Za-z0-9._-]{2,254}$/,
      'the name of a bucket: 3 to 255 letters, digits, ".", "-" and "_"',
    ),
    /** Put before the path below `paths.extracted` as it stands, without a `/` of its own. */
    prefix: textLike(/^(?!\/)\P{Cc}*$/u, 'a text that does not begin with "/", e.g. "calls/", or ""'),
    endpoint: z
      .url({ protocol: /^https?$/, error: 'an http:// or https:// address' })
      .refine(isBareAddress, 'an http:// or https:// address without user, password, "?" and "#"')
      .optional(),
    region: text,
    forcePathStyle: yesNo,
    accessKeyId: secret.optional(),
    secretAccessKey: secret.optional(),
    /** A PEM file; absent: the certificate authorities that Node knows. */
    ca: path.optional(),
    storageClass: text,
    checksum: oneOf('auto', 'sha256', 'md5', 'none'),
    serverSideEncryption: oneOf('none', 'AES256', 'aws:kms'),
    kmsKeyId: text.optional(),
  }),
  arrival: z.strictObject({
    patterns: someOf(glob, 'patterns of file names'),
    temporary: listOf(glob, 'patterns of file names'),
    quietSeconds: seconds({ min: 0, max: DAY_SECONDS }),
    doneMarker: textLike(/^[^/\p{Cc}]+$/u, 'the suffix of the marker file, e.g. ".done", or null').optional(),
    rescanSeconds: seconds({ min: 1, max: DAY_SECONDS }),
    order: oneOf('newest', 'oldest'),
    incompleteAfterSeconds: seconds({ min: 0, max: 14 * DAY_SECONDS }),
    unterminated: oneOf('incomplete', 'accept'),
  }),
  extract: z.strictObject({
    concurrency: count,
    /** False: recordings are uploaded straight from a plain tar, and nothing of it lies below `paths.extracted`. */
    copy: yesNo,
    maxEntries: count,
    maxEntryBytes: size({ min: 1, max: ANY }),
    maxTotalBytes: size({ min: 1, max: ANY }),
    /** Never 0: state.db and the queues share the disk, and fail before the recordings do. */
    minFreeBytes: size({ min: 1024 ** 2, max: ANY }),
    maxBacklog: z.strictObject({ recordings: count, bytes: size({ min: 1, max: ANY }) }),
  }),
  upload: z.strictObject({
    concurrency: count,
    maxRetries: wholeNumber({ min: 0, max: ANY }),
    backoff: z.strictObject({ initial: waitingTime, max: waitingTime }),
    /** The bounds are those of S3: no smaller part but the last, no larger part or single PUT. */
    multipartBytes: size({ min: 5 * 1024 ** 2, max: 5 * 1024 ** 3 }),
    /** Bytes per second for the whole site; as a timetable, from each time of day (in `timezone`) on; null is no cap. */
    bytesPerSecond: z
      .union([perSecond, timetable], {
        error: 'a size per second, a timetable like { "08:00": 2MiB, "19:00": null }, or null',
      })
      .optional(),
    /** Whether each tar gets a receipt object once all its recordings are SUCCESS. */
    receipts: yesNo,
  }),
  cleanup: z.strictObject({ extracted: cleanup, incoming: cleanup }),
  log: z.strictObject({ level: oneOf('debug', 'info', 'warn', 'error') }),
  databases: listOf(database, 'databases'),
  mirrors: listOf(mirror, 'mirrors'),
  logs: listOf(log, 'log files'),
  http: z.strictObject({
    host: textLike(/^[^\s/]+$/, 'an address or a host name to listen on, e.g. 127.0.0.1'),
    port: wholeNumber({ min: 0, max: 65_535 }),
    token: secret.optional(),
    readOnlyToken: secret.optional(),
    /** Absent: without encryption. Read when the dashboard starts. */
    tls: z.strictObject({ cert: path, key: path }).optional(),
    basePath: textLike(
      /^\/(?:(?!(?:api|assets|queues|login|logout|healthz|readyz|metrics|failures|recordings|tars|landing|audit|backups|system|events|components)(?:\/|$))[\w.~-]+(?:\/[\w.~-]+)*\/?)?$/,
      'a path of letters, digits, ".", "_", "~" and "-", e.g. /wavspool, that does not begin like one of our own',
    ),
    bullBoard: oneOf('safe', 'full'),
    /** Whose word on who asks, and how, is taken: a proxy's X-Forwarded-For and X-Forwarded-Proto. */
    trustedProxies: listOf(
      text.refine(isAddressOrNetwork, 'an address or a network, e.g. 127.0.0.1 or 10.0.0.0/8'),
      'addresses and networks of proxies',
    ),
  }),
  /** Other sites by their own API: those of another ledger, and hosts of this one that are asked what only they know. */
  sites: listOf(
    z.strictObject({
      name: textLike(
        /^(?!all$)[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/,
        'the name of another site: letters, digits, "-" and "_", at most 63, not "all"',
      ),
      url: z
        .url({ protocol: /^https?$/, error: 'an http:// or https:// address' })
        .refine(isBareAddress, 'an http:// or https:// address without user, password, "?" and "#"'),
      /** Its `http.token`, or its `http.readOnlyToken` where nothing is to be changed from here. */
      token: secret,
      /** A PEM file; absent: the certificate authorities that Node knows. */
      ca: path.optional(),
    }),
    'sites, each { name, url, token }',
  ),
  alerts: z.strictObject({
    /** An address that problems are told to by POST. Who knows it can post there, so it is never shown. */
    webhook: secretThat(isWebAddress, 'an http:// or https:// address without user and password').optional(),
    webhookSecret: secret.optional(),
    webhookHeaders: mapOf(
      textLike(/^[!#$%&'*+.^_`|~\w-]+$/, 'the name of a header'),
      secretThat((value) => /^[\u0020-\u007e]+$/.test(value), 'printable ASCII'),
      'names of headers, each with its value',
    ).optional(),
    email: z
      .strictObject({
        /** smtp://USER:PASSWORD@HOST:587; a secret, for it may hold a password. */
        server: secretThat(
          isMailServer,
          'smtp://HOST:587 or smtps://HOST:465, with USER:PASSWORD@ if need be',
        ),
        from: mailAddress,
        to: someOf(mailAddress, 'mail addresses'),
      })
      .optional(),
    after: duration({ min: 0, max: 24 * 3_600_000 }),
    every: duration({ min: 60_000, max: 30 * DAY_SECONDS * 1000 }),
  }),
  up: z.strictObject({ processes: oneOf('few', 'each') }),
  shutdownSeconds: seconds({ min: 1, max: 3600 }),
});

type Frozen<T> = T extends readonly (infer Entry)[]
  ? readonly Frozen<Entry>[]
  : T extends Record<string, unknown>
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T;

/** The validated settings, frozen: durations are milliseconds, sizes bytes, paths absolute, secrets wrapped. */
export type Settings = Frozen<z.output<typeof settingsSchema>>;

function isWebAddress(address: string): boolean {
  const url = URL.parse(address);
  return url !== null && /^https?:$/.test(url.protocol) && url.username + url.password === '';
}

function isMailServer(address: string): boolean {
  const url = URL.parse(address);
  return url !== null && /^smtps?:$/.test(url.protocol) && url.hostname !== '';
}

function isBareAddress(address: string): boolean {
  const url = URL.parse(address);
  return url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}
