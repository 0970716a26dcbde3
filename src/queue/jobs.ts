import { createHash } from 'node:crypto';
import { z } from 'zod';
import { WavspoolError } from '../faults.ts';
import type { QueueKind } from './names.ts';

// A job's data is small, versioned and holds no secret; its id derives from the work, so that adding it twice is adding it once.

const payloads = {
  extract: z.strictObject({ v: z.literal(1), tar: z.string(), size: z.int(), mtimeMs: z.int() }),
  upload: z.strictObject({ v: z.literal(1), recording: z.string() }),
  maintenance: z.strictObject({ v: z.literal(1), run: z.string() }),
} as const satisfies Record<QueueKind, z.ZodType>;

export type Payload<K extends QueueKind> = z.output<(typeof payloads)[K]>;

/** One piece of work as a queue holds it. `priority`: 1 … 2^21 - 1, the lower goes first; 0 goes before all of them. */
export interface QueuedWork<K extends QueueKind> {
  readonly id: string;
  readonly payload: Payload<K>;
  readonly priority: number;
}

/** The payload of a job that came out of Redis. Throws UNKNOWN for one that this version did not write. */
export function readPayload<K extends QueueKind>(kind: K, data: unknown): Payload<K> {
  const parsed = payloads[kind].safeParse(data);
  if (parsed.success) return parsed.data as Payload<K>;
  throw new WavspoolError(
    'UNKNOWN',
    `a job in the ${kind} queue that this version cannot read: ${JSON.stringify(data)}`,
  );
}

export function extractWork(
  tar: { path: string; size: number; mtimeMs: number },
  priority: number,
): QueuedWork<'extract'> {
  const { path, size, mtimeMs } = tar;
  return {
    id: `tar-${digest(`${path}\0${size}\0${mtimeMs}`)}`,
    payload: { v: 1, tar: path, size, mtimeMs },
    priority,
  };
}

export function uploadWork(recording: string, priority: number): QueuedWork<'upload'> {
  return { id: `rec-${digest(recording)}`, payload: { v: 1, recording }, priority };
}

/** Hex, because BullMQ and Bull Board's addresses take neither `:` nor `/` in an id. */
function digest(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
