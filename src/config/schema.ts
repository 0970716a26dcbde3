import { z } from 'zod';
import { Secret } from './secret.ts';
import { parseDuration, parseSize } from './units.ts';

/** A duration as text (`200ms`, `30s`, `5m`, `2h`, `30d`, `12w`); the parsed value is milliseconds. */
const duration = z.string().transform((text, ctx) => {
  const ms = parseDuration(text);
  if (ms === undefined) {
    ctx.addIssue({ code: 'custom', message: 'a duration: 200ms, 30s, 5m, 2h, 30d or 12w' });
    return z.NEVER;
  }
  return ms;
});

/** A size as text (`512KiB`, `16MiB`, `2GiB`) or whole bytes; the parsed value is bytes. */
const size = z.union([z.string(), z.int()]).transform((value, ctx) => {
  const bytes = typeof value === 'number' ? value : parseSize(value);
  if (bytes === undefined || bytes < 0) {
    ctx.addIssue({ code: 'custom', message: 'a size: 512KiB, 16MiB, 2GiB or a whole number of bytes' });
    return z.NEVER;
  }
  return bytes;
});

const text = z.string().min(1, 'a text that is not empty');
const secret = text.transform((value) => new Secret(value));
const seconds = z.number().min(0, 'a number of seconds, 0 or more');
const count = z.int().min(1, 'a whole number, 1 or more');
const cron = z.string().regex(/^\S+( \S+){4,5}$/, 'a cron pattern with 5 fields, e.g. "0 2 * * *"');
const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day, e.g. "08:00"');

const keep = z.strictObject({
  last: count.optional(),
  days: count.optional(),
  daily: count.optional(),
  weekly: count.optional(),
  monthly: count.optional(),
  weekday: z
    .enum(['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'])
    .default('sunday'),
});

const compress = z.enum(['none', 'gzip', 'zstd']);

const snapshot = z
  .strictObject({
    name: text,
    cron: cron.optional(),
    on: text.optional(),
    dir: text,
    file: text,
    compress: compress.default('none'),
    keep: keep.optional(),
    latest: z.boolean().default(false),
    mode: z.string().regex(/^0?[0-7]{3}$/, 'an octal file mode, e.g. "0640"').default('0600'),
    dirMode: z.string().regex(/^0?[0-7]{3}$/, 'an octal directory mode, e.g. "0750"').default('0700'),
    offsite: z.strictObject({ prefix: z.string(), file: text, keep: keep.optional() }).optional(),
    ping: text.optional(),
  })
  .refine((value) => value.cron !== undefined || value.on !== undefined, {
    message: 'cron, on, or both: without either it would never run',
  });

const tableExport = z.strictObject({
  name: text,
  cron,
  tables: z.array(text).min(1, 'at least one table'),
  dir: text,
  file: text,
  compress: compress.default('none'),
  keep: keep.optional(),
  ping: text.optional(),
});

const database = z.strictObject({
  name: text,
  path: text,
  snapshots: z.array(snapshot).default([]),
  exports: z.array(tableExport).default([]),
  pointInTime: z
    .strictObject({ mode: z.enum(['pages', 'wal']).default('pages'), every: duration, keep: duration, dir: text })
    .optional(),
  asserts: z.array(text).default([]),
});

const mirror = z.strictObject({
  name: text,
  source: text,
  databases: z.array(text).default([]),
  dir: text,
  cron,
  keep: keep.optional(),
  ping: text.optional(),
});

const log = z.strictObject({
  path: text,
  cron,
  rotate: z.int().min(0, 'a whole number, 0 or more').default(7),
  compress: z.boolean().default(false),
  missingok: z.boolean().default(false),
  notifempty: z.boolean().default(false),
  copytruncate: z.boolean().default(true),
  dateext: z.boolean().default(false),
  dir: text.optional(),
  file: text.optional(),
  minsize: size.optional(),
  maxsize: size.optional(),
  ping: text.optional(),
});

const cleanup = z.union([z.literal('keep'), z.literal('uploaded'), duration], {
  error: 'keep, uploaded, or a duration after the upload, e.g. 30d',
});

/**
 * The settings (docs/settings.md), with durations as milliseconds and sizes as bytes. What is optional here is absent
 * by default; every other default stands in `defaults.yaml`.
 */
export const settingsSchema = z.strictObject({
  site: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'letters, digits, "-" and "_", at most 63, e.g. main'),
  timezone: z.string().refine(isTimezone, 'an IANA time zone, e.g. UTC or Europe/Berlin'),
  paths: z.strictObject({ data: text, incoming: text, extracted: text, state: text, log: text }),
  redis: z.strictObject({
    /** Absent: a private redis-server below `paths.data`. A secret, for it may hold a password. */
    url: z
      .string()
      .regex(/^(rediss?|unix):\/\/./, 'redis://…, rediss://… or unix:///path/to/socket')
      .transform((value) => new Secret(value))
      .optional(),
  }),
  s3: z
    .strictObject({
      bucket: text,
      prefix: z.string(),
      endpoint: z.url({ protocol: /^https?$/, error: 'an http:// or https:// address' }).optional(),
      region: text,
      forcePathStyle: z.boolean(),
      accessKeyId: secret.optional(),
      secretAccessKey: secret.optional(),
      storageClass: text,
      serverSideEncryption: z.enum(['none', 'AES256', 'aws:kms']),
      kmsKeyId: text.optional(),
    })
    .refine((value) => (value.accessKeyId === undefined) === (value.secretAccessKey === undefined), {
      message: 'accessKeyId and secretAccessKey together, or neither',
    })
    .refine((value) => value.kmsKeyId === undefined || value.serverSideEncryption === 'aws:kms', {
      path: ['kmsKeyId'],
      message: 'kmsKeyId goes with serverSideEncryption: aws:kms only',
    }),
  arrival: z.strictObject({
    patterns: z.array(text).min(1, 'at least one pattern'),
    temporary: z.array(text),
    quietSeconds: seconds,
    doneMarker: text.optional(),
    rescanSeconds: z.number().min(1, 'a number of seconds, 1 or more'),
    order: z.enum(['newest', 'oldest']),
    incompleteAfterSeconds: seconds,
  }),
  extract: z.strictObject({
    concurrency: count,
    maxEntries: count,
    maxEntryBytes: size,
    maxTotalBytes: size,
    minFreeBytes: size,
    maxBacklog: z.strictObject({ recordings: count, bytes: size }),
  }),
  upload: z.strictObject({
    concurrency: count,
    maxRetries: z.int().min(0, 'a whole number, 0 or more'),
    backoff: z.strictObject({ initial: duration, max: duration }),
    multipartBytes: size.refine((bytes) => bytes >= 5 * 1024 * 1024, 'at least 5MiB: S3 takes no smaller parts'),
    /** Bytes per second for the whole site; as a timetable, from each time of day (in `timezone`) on; null is no cap. */
    bytesPerSecond: z
      .union([size, z.record(clockTime, size.nullable())], {
        error: 'a size per second, or a timetable like { "08:00": 2MiB, "19:00": null }',
      })
      .optional(),
  }),
  cleanup: z.strictObject({ extracted: cleanup, incoming: cleanup }),
  databases: z.array(database),
  mirrors: z.array(mirror),
  logs: z.array(log),
  http: z.strictObject({
    host: text,
    port: z.int().min(0).max(65_535),
    token: secret.optional(),
  }),
  shutdownSeconds: z.number().min(1, 'a number of seconds, 1 or more'),
});

/** The validated settings; frozen. */
export type Settings = z.output<typeof settingsSchema>;

function isTimezone(name: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false; // Intl throws a RangeError for a name it does not know: that is the answer, not a fault
  }
}
