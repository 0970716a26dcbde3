import { z } from 'zod';
import { WavspoolError } from '../domain/faults.ts';

// What callers may send, and in which form the rest of wavspool takes it.

const limit = z.coerce.number().int().min(1).max(1000).default(100);
/** What a page gave as `next`. */
const after = z.string().min(1).max(8192).optional();
const filled = z.string().min(1).max(4096);

export const page = z.strictObject({ limit, after });

export const uploadsQuery = z.strictObject({
  status: z.enum(['PENDING', 'SUCCESS', 'FAILED']).optional(),
  search: filled.optional(),
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
  })
  .refine(
    (body) => Object.values(body).some((value) => value !== undefined),
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
