import { createHash } from 'node:crypto';
import { z } from 'zod';
import { WavspoolError } from '../../domain/faults.ts';
import type { RecordingRow, UploadUnit } from '../../domain/recording.ts';
import type { QueueKind } from './names.ts';
import { priorityOf, type Order } from '../../domain/arrival-order.ts';

// A job's data is small, versioned and holds no secret; its id derives from the work, so that adding it twice is adding it once.

/**
 * The version that is written. The next one is read already, for its workers run beside these while a fleet is upgraded: it may say more, which
 * is passed over, and says all that this one does.
 */
const WRITTEN = 1;
const NEXT = 2;

/** An object of these fields, as this version writes it or the next one does. */
function versioned<Fields extends z.ZodRawShape>(fields: Fields) {
  const written = z.strictObject({ v: z.literal(WRITTEN), ...fields });
  const next = z.object({ v: z.literal(NEXT), ...fields });
  return z.union([written, next.transform((read) => ({ ...read, v: WRITTEN }) as z.output<typeof written>)]);
}

/** `givenUp`: it was, in a batch, so its first run does nothing but to fail with these words. */
const oneRecording = versioned({ recording: z.string(), givenUp: z.string().optional() });
const batch = versioned({ recordings: z.array(z.string()) });

const payloads = {
  extract: versioned({ tar: z.string(), size: z.int(), mtimeMs: z.int() }),
  upload: z.union([oneRecording, batch]),
  maintenance: versioned({ run: z.string() }),
} as const satisfies Record<QueueKind, z.ZodType>;

export type Payload<K extends QueueKind> = z.output<(typeof payloads)[K]>;

/** One piece of work as a queue holds it. `priority`: 1 … 2^21 - 1, the lower goes first; 0 goes before all of them. */
export interface QueuedWork<K extends QueueKind> {
  readonly id: string;
  readonly payload: Payload<K>;
  readonly priority: number;
  /** How long it waits before it may start, in ms; not at all unless it is given. */
  readonly delayMs?: number;
}

/** The payload of a job that came out of Redis. Throws UNKNOWN for one that neither this version nor the next one writes. */
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

/** The job of one recording. */
export function uploadWork(recording: string, priority: number): QueuedWork<'upload'> {
  return { id: recordingId(recording), payload: { v: 1, recording }, priority };
}

/** The job of one recording that failed in a batch and is to be tried again after so many ms. */
export function retryWork(recording: string, priority: number, delayMs: number): QueuedWork<'upload'> {
  return { ...uploadWork(recording, priority), delayMs };
}

/** The job of one recording that was given up in a batch: it stays among the failed ones, as every job does that is given up. */
export function givenUpWork(recording: string, why: string): QueuedWork<'upload'> {
  return { id: recordingId(recording), payload: { v: 1, recording, givenUp: why }, priority: 0 };
}

/** Why the work had been given up before its job was made. */
export function givenUpBefore(payload: Payload<QueueKind>): string | undefined {
  return 'givenUp' in payload ? payload.givenUp : undefined;
}

/** The jobs of what is to be uploaded, as the ledger has it at `now` (ms since 1970). */
export function uploadJobs(
  units: readonly UploadUnit[],
  order: Order,
  now: number,
): readonly QueuedWork<'upload'>[] {
  return units.map(({ paths, batch, tarMtimeMs }) => {
    const priority = priorityOf(tarMtimeMs ?? 0, order, now);
    if (batch === undefined) return uploadWork(paths[0], priority);
    const id = batchId(batch.tar, tarMtimeMs, batch.number);
    return { id, payload: { v: 1, recordings: [...paths] }, priority };
  });
}

/** The id of the job that carries a recording. */
export function uploadJobId(row: Pick<RecordingRow, 'path' | 'tar' | 'tarMtimeMs' | 'batch'>): string {
  const { path, tar, tarMtimeMs, batch } = row;
  return batch === undefined ? recordingId(path) : batchId(tar, tarMtimeMs, batch);
}

function batchId(tar: string | undefined, tarMtimeMs: number | undefined, batch: number): string {
  return `batch-${digest(`${tar}\0${tarMtimeMs}\0${batch}`)}`;
}

function recordingId(path: string): string {
  return `rec-${digest(path)}`;
}

/** Hex, because BullMQ and Bull Board's addresses take neither `:` nor `/` in an id. */
function digest(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}
