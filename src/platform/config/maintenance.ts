import { z } from 'zod';
import {
  anyText,
  count,
  cron,
  duration,
  fileName,
  listOf,
  mapOf,
  nameText,
  oneOf,
  path,
  pingAddress,
  size,
  someOf,
  text,
  textLike,
  waitingTime,
  wholeNumber,
  yesNo,
} from './values.ts';

const keptFor = duration({ min: 1, max: Number.MAX_SAFE_INTEGER });

const keep = z
  .strictObject({
    last: count.optional(),
    days: count.optional(),
    daily: count.optional(),
    weekly: count.optional(),
    monthly: count.optional(),
    within: keptFor.optional(),
    withinWeekly: keptFor.optional(),
    withinMonthly: keptFor.optional(),
    weekday: oneOf('sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday').default(
      'sunday',
    ),
  })
  .refine(({ weekday: _weekday, ...rules }) => Object.values(rules).some((rule) => rule !== undefined), {
    message:
      'at least one of last, days, daily, weekly, monthly, within, withinWeekly, withinMonthly: with none of them everything but the newest would go',
  });

/** When a restore is tried before one is needed, unless the settings say otherwise. */
export const WEEKLY_DRILL = '30 4 * * 0';

const compress = oneOf('none', 'gzip', 'zstd');

const octal = (allowed: string) => textLike(/^0?[0-7]{3}$/, allowed);

const snapshot = z
  .strictObject({
    name: nameText,
    cron: cron.optional(),
    on: nameText.optional(),
    dir: path,
    file: fileName,
    compress: compress.default('none'),
    keep: keep.optional(),
    latest: yesNo.default(false),
    mode: octal('an octal file mode in quotes, e.g. "0640"').default('0600'),
    dirMode: octal('an octal directory mode in quotes, e.g. "0750"').optional(),
    offsite: z.strictObject({ prefix: anyText, file: fileName, keep: keep.optional() }).optional(),
    ping: pingAddress.optional(),
  })
  .refine((value) => value.cron !== undefined || value.on !== undefined, {
    message: 'cron, on, or both: without either it would never run',
  });

const tableExport = z.strictObject({
  name: nameText,
  cron,
  tables: someOf(text, 'names of tables'),
  dir: path,
  file: fileName,
  compress: compress.default('none'),
  keep: keep.optional(),
  ping: pingAddress.optional(),
});

/** Section `databases`: which SQLite databases are copied, when, where to, and for how long. */
export const database = z.strictObject({
  name: nameText,
  path,
  snapshots: listOf(snapshot, 'snapshots').default([]),
  exports: listOf(tableExport, 'exports').default([]),
  pointInTime: z
    .strictObject({
      mode: oneOf('pages', 'wal').default('pages'),
      every: waitingTime,
      keep: duration({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      dir: path,
      offsite: z.strictObject({ prefix: anyText }).optional(),
    })
    .refine((value) => value.keep >= value.every, { path: ['keep'], message: 'a duration not below "every"' })
    .optional(),
  asserts: listOf(text, 'SQL that must return 1').default([]),
  drill: cron.default(WEEKLY_DRILL),
});

/** The name of a directory in a mirror. */
const placeName = textLike(
  /^(?!\.{1,2}$|\.wavspool)[^/\p{Cc}]{1,255}$/u,
  'the name of a directory in the mirror, without "/", e.g. generated',
);

/** Section `mirrors`: which directories are kept as dated, hardlinked trees. */
export const mirror = z
  .strictObject({
    name: nameText,
    source: path.optional(),
    sources: mapOf(placeName, path, 'names of directories in the mirror, each with its source').optional(),
    exclude: listOf(
      textLike(/^\P{Cc}+$/u, "a pattern of rsync's, e.g. .env or /cache/"),
      "patterns of rsync's",
    ).default([]),
    databases: listOf(nameText, 'names of databases').default([]),
    dir: path,
    cron,
    keep: keep.optional(),
    offsite: z.strictObject({ prefix: anyText, keep: keep.optional() }).optional(),
    ping: pingAddress.optional(),
  })
  .refine(({ source, sources }) => (source === undefined) !== (sources === undefined), {
    path: ['source'],
    message: 'either source or sources: the directories that are copied',
  });

/** What a rotated log's name ends with, in logrotate's notation: at least one directive, or the second rotation would find its name taken. */
const dateformat = textLike(
  /^(?=.*%[YmdHMSVs])(?:[^%/\p{Cc}]|%[YmdHMSVs])+$/u,
  'a date made of %Y %m %d %H %M %S %V %s and other characters but "%" and "/", e.g. -%Y%m%d',
);

/** Section `logs`: which log files are rotated; the options mean what logrotate's manual says. */
export const log = z.strictObject({
  path,
  cron,
  rotate: wholeNumber({ min: -1, max: Number.MAX_SAFE_INTEGER }).default(7),
  start: wholeNumber({ min: 0, max: Number.MAX_SAFE_INTEGER }).default(1),
  compress: yesNo.default(false),
  delaycompress: yesNo.default(false),
  missingok: yesNo.default(false),
  notifempty: yesNo.default(false),
  copytruncate: yesNo.default(true),
  dateext: yesNo.default(false),
  dateformat: dateformat.default('-%Y%m%d'),
  extension: textLike(/^[^/\p{Cc}]+$/u, 'the end of a file name, e.g. ".log"').optional(),
  dir: path.optional(),
  file: fileName.optional(),
  minsize: size().optional(),
  maxsize: size().optional(),
  maxage: count.optional(),
  ping: pingAddress.optional(),
});
