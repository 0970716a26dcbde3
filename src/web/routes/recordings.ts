import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { FAULTS } from '../../domain/faults.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import { factsOnDisk, timelineOf, type OnDisk } from '../../operate/trace/index.ts';
import { cursorOf, readId } from '../../platform/paging/index.ts';
import { uploadJobId } from '../../platform/queue/index.ts';
import type { Context } from '../context.ts';
import { rangeOf } from '../range.ts';
import { askerOf, refuse } from '../replies.ts';

const named = z.object({ id: z.string().min(1).max(8192) });
const wish = z.object({ download: z.string().optional() });
const JOB_DEADLINE_MS = 1000;

/**
 * `GET /api/recordings/:id`: one recording, with its life. `GET /api/recordings/:id/content`: its bytes from the bucket, by Range.
 * `POST /api/recordings/:id/verify`: downloads and hashes them now.
 */
export function recordings(server: FastifyInstance, context: Context): void {
  server.get('/api/recordings/:id', async (request, reply) => {
    const row = await rowOf(context, request.params);
    return row === undefined ? missing(reply) : withLife(context, row);
  });
  server.get('/api/recordings/:id/content', async (request, reply) => {
    const row = await rowOf(context, request.params);
    if (row === undefined) return missing(reply);
    const stored = storedAs(row);
    return stored === undefined ? notStored(reply, row) : content(context, stored, request, reply);
  });
  server.post('/api/recordings/:id/verify', async (request, reply) => {
    const row = await rowOf(context, request.params);
    if (row === undefined) return missing(reply);
    const stored = storedAs(row);
    return stored === undefined ? notStored(reply, row) : verify(context, stored);
  });
}

/** The row of the recording that an id stands for. Throws USAGE for what is no id. */
function rowOf({ ledger }: Context, params: unknown): Promise<RecordingRow | undefined> {
  return ledger.recordings.get(readId(named.parse(params).id, isPath));
}

function isPath(value: unknown): value is string {
  return typeof value === 'string';
}

function missing(reply: FastifyReply): FastifyReply {
  return refuse(reply, 404, {
    error: 'state.db knows no such recording',
    code: 'USAGE',
    remedy: 'look for it on /recordings by a part of its name',
  });
}

async function withLife(context: Context, row: RecordingRow): Promise<object> {
  const { ledger, settings, history } = context;
  const tar = row.tar === undefined ? undefined : await ledger.tars.get(row.tar);
  const ofTar = row.tar === undefined ? [] : await history.eventsAbout(row.tar);
  const tries = row.status === 'PENDING' && row.retryCount === 0 ? 0 : row.retryCount + 1;
  return {
    id: cursorOf(row.path),
    ...row,
    timeline: timelineOf(row, tar, await history.eventsAbout(row.path), ofTar),
    tries,
    maxTries: settings.upload.maxRetries + 1,
    remedy: remedyOf(row.cause),
    job: { queue: `${settings.site}.upload`, id: uploadJobId(row), state: await jobState(context, row) },
    onDisk: await onDiskOf(context, row.path),
    tarRow: tar === undefined ? null : { id: cursorOf(tar.path), ...tar },
  };
}

/** What lies at a path of the site: its own host alone knows. */
export async function onDiskOf({ isElsewhere, settings }: Context, path: string): Promise<OnDisk> {
  if (isElsewhere !== true) return factsOnDisk(path);
  return { error: `only the host of the site ${settings.site} can tell` };
}

/** What the fault of that cause says to do; of several the first. */
export function remedyOf(cause: string | undefined): string | null {
  const fault = Object.values(FAULTS).find((one) => one.cause === cause && one.exit === 1);
  return fault === undefined ? null : `${fault.remedy.charAt(0).toUpperCase()}${fault.remedy.slice(1)}.`;
}

/** What BullMQ calls it; null where Redis does not tell in time, or nothing goes through it. */
async function jobState({ queues, clock }: Context, row: RecordingRow): Promise<string | null> {
  if (queues === undefined) return null;
  const asked = queues.upload.state(uploadJobId(row)).catch(() => null); // the status tells that Redis is away
  const late = clock.sleep(JOB_DEADLINE_MS).then(() => null);
  return Promise.race([asked, late]);
}

interface Stored {
  readonly path: string;
  readonly key: string;
  readonly size: number;
  readonly sha256: string | undefined;
}

/** Where its object lies; undefined for a recording that is not in the bucket. */
function storedAs({ status, path, key, size, sha256 }: RecordingRow): Stored | undefined {
  return status === 'SUCCESS' && key !== undefined && size !== undefined
    ? { path, key, size, sha256 }
    : undefined;
}

function notStored(reply: FastifyReply, { path, status }: RecordingRow): FastifyReply {
  return refuse(reply, 409, {
    error: `${path} is not in the bucket: its row says ${status}`,
    code: 'NOT_STORED',
    remedy: 'wait until it is uploaded, or see why it failed',
  });
}

async function content(
  { host, report }: Context,
  { path, key, size }: Stored,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const range = rangeOf(request.headers.range, size);
  if (range === 'unsatisfiable') return reply.code(416).header('content-range', `bytes */${size}`).send();
  const ended = new AbortController();
  request.raw.once('close', () => ended.abort());
  const store = await host.store();
  const bytes = range === undefined ? size : range.last - range.first + 1;
  const from = size === 0 ? Readable.from([]) : Readable.from(await store.get(key, ended.signal, range));
  if (range === undefined || range.first === 0) {
    report('recording read', { recording: path, ...askerOf(request), bytes });
  }
  const isDownload = wish.safeParse(request.query).data?.download !== undefined;
  const name = encodeURIComponent(path.slice(path.lastIndexOf('/') + 1));
  return reply
    .code(range === undefined ? 200 : 206)
    .headers({
      'content-type': 'audio/wav',
      'content-length': String(bytes),
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-store',
      'x-content-type-options': 'nosniff',
      'content-disposition': `${isDownload ? 'attachment' : 'inline'}; filename*=UTF-8''${name}`,
      ...(range !== undefined && { 'content-range': `bytes ${range.first}-${range.last}/${size}` }),
    })
    .send(from);
}

async function verify({ host, clock }: Context, { key, size, sha256 }: Stored): Promise<object> {
  const startedAt = clock.monotonicMs();
  const store = await host.store();
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of await store.get(key, new AbortController().signal)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  const found = hash.digest('hex');
  const why =
    bytes !== size
      ? `the object has ${bytes} bytes, the row says ${size}`
      : sha256 !== undefined && found !== sha256
        ? `the object's SHA-256 is ${found}, the row says ${sha256}`
        : null;
  return { ok: why === null, sha256: found, bytes, ms: Math.round(clock.monotonicMs() - startedAt), why };
}
