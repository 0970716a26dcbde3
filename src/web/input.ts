import { z } from 'zod';
import type { RecordingFilter } from '../domain/browse.ts';
import { CODEC_NAMES, isCodec } from '../domain/codecs.ts';
import { WavspoolError } from '../domain/faults.ts';
import { nearestName } from '../platform/config/index.ts';
import { parseTime, sqlTimestamp } from '../platform/runtime/index.ts';

// What callers may send, and in which form the rest of wavspool takes it.

const limit = z.coerce.number().int().min(1).max(1000).default(100);
/** What a page gave as `next`. */
const after = z.string().min(1).max(8192).optional();
const filled = z.string().min(1).max(4096);

export const page = z.strictObject({ limit, after });

const DAY = /^\d{4}-\d\d-\d\d$/;
const TIME = /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?Z?$/;

/** A day or a time in UTC, as `state.db` spells it; of a day its beginning. */
export const dayFrom = z
  .string()
  .refine(isTime, 'a UTC day or time, e.g. 2026-11-20 or 2026-11-20T08:00:00Z')
  .transform((text) => stamp(text, 0));
/** As {@link dayFrom}; of a day its end, so that it is part of what is asked for. */
export const dayTo = z
  .string()
  .refine(isTime, 'a UTC day or time, e.g. 2026-11-20 or 2026-11-20T08:00:00Z')
  .transform((text) => stamp(text, 1));

function isTime(text: string): boolean {
  const found = parseTime(DAY.test(text) ? text : `${text.replace(' ', 'T').replace(/Z$/, '')}Z`);
  return (DAY.test(text) || TIME.test(text)) && !Number.isNaN(found);
}

function stamp(text: string, days: number): string {
  const at = parseTime(DAY.test(text) ? text : `${text.replace(' ', 'T').replace(/Z$/, '')}Z`);
  return sqlTimestamp(DAY.test(text) ? at + days * 86_400_000 : at);
}

const seconds = z.coerce.number().min(0).max(10_000_000).optional();

export const uploadsQuery = z.strictObject({
  status: z.enum(['PENDING', 'SUCCESS', 'FAILED']).optional(),
  search: filled.optional(),
  tar: filled.optional(),
  cause: filled.optional(),
  codec: filled.optional(),
  from: dayFrom.optional(),
  to: dayTo.optional(),
  minSeconds: seconds,
  maxSeconds: seconds,
  limit,
  after,
});

/** The same filters, of what is fetched as a whole. */
export const fetchQuery = uploadsQuery.omit({ limit: true, after: true });

/** What of a caller's filters the ledger takes. Throws USAGE for a codec that there is not, with the nearest one that there is. */
export function filterOf(asked: z.output<typeof fetchQuery>): RecordingFilter {
  const { search, minSeconds, maxSeconds, status, tar, cause, codec, from, to } = asked;
  if (codec !== undefined) refuseUnknownCodec(codec);
  return {
    status,
    part: search,
    tar,
    cause,
    codec,
    from,
    to,
    minMs: minSeconds === undefined ? undefined : minSeconds * 1000,
    maxMs: maxSeconds === undefined ? undefined : maxSeconds * 1000,
  };
}

function refuseUnknownCodec(codec: string): void {
  if (isCodec(codec)) return;
  const nearest = nearestName(codec, CODEC_NAMES);
  const hint = nearest === undefined ? `there are ${CODEC_NAMES.join(', ')}` : `did you mean ${nearest}?`;
  throw new WavspoolError('USAGE', `there is no codec ${JSON.stringify(codec)}: ${hint}`);
}

export const tarsQuery = z.strictObject({
  state: z.enum(['extracted', 'failed', 'all']).optional(),
  search: filled.optional(),
  from: dayFrom.optional(),
  to: dayTo.optional(),
  limit,
  after,
});

/** `2026-11-20`, `2026-11-20 08:00:00` or `2026-11-20T08:00:00Z`, all UTC, as `state.db` spells it. */
const since = z
  .string()
  .regex(/^\d{4}-\d\d-\d\d([ T]\d\d:\d\d:\d\d(\.\d+)?Z?)?$/, 'a UTC time, e.g. 2026-11-20T08:00:00Z')
  .transform((text) => text.replace('T', ' ').slice(0, 19));

export const requeueBody = z
  .strictObject({
    all: z.literal(true).optional(),
    paths: z.array(filled).min(1).max(10_000).optional(),
    cause: filled.optional(),
    match: filled.optional(),
    tar: filled.optional(),
    since: since.optional(),
    /** Only counts. */
    dryRun: z.boolean().optional(),
    /** So many first; the others only when these were uploaded. */
    canary: z.number().int().min(1).max(1000).optional(),
  })
  .refine(
    ({ all, paths, cause, match, tar, since: from }) =>
      [all, paths, cause, match, tar, from].some((value) => value !== undefined),
    'say which: all, paths, cause, match, tar or since',
  );

export const ingestBody = z.strictObject({ tars: z.array(filled).min(1).max(1000) });

const name = z.string().min(1).max(63);
const label = z.string().max(1000).optional();

export const backupsQuery = z.strictObject({ database: name.optional(), limit, after });

export const runBackupBody = z.union(
  [
    z.strictObject({ database: name, event: name.optional(), label }),
    z.strictObject({ database: name, export: name }),
    z.strictObject({ mirror: name }),
  ],
  '{database, event?, label?}, {database, export} or {mirror}',
);

export const verifyBody = z.union(
  [z.strictObject({ database: name, path: filled }), z.strictObject({ database: name.optional() })],
  '{database?} or {database, path}',
);

export const eventBody = z.strictObject({ event: name, label, database: name.optional() });

/** What a caller sent, in our form. Throws USAGE with every fault. */
export function parsed<T extends z.ZodType>(schema: T, input: unknown): z.output<T> {
  const result = schema.safeParse(input ?? {});
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  );
  throw new WavspoolError('USAGE', faults.join('; '));
}
