import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { WavspoolError } from '../../domain/faults.ts';
import { rescanNow } from '../../ingest/rescan/index.ts';
import {
  PAUSABLE,
  drain,
  inFlight,
  meantBy,
  pauseQueues,
  readPauses,
  resumeQueues,
} from '../../operate/pause/index.ts';
import { parseDuration } from '../../platform/config/index.ts';
import type { Context } from '../context.ts';
import { parsed } from '../input.ts';
import { askerOf } from '../replies.ts';

const queue = z.enum([...PAUSABLE, 'all']).default('all');
const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  context.addIssue('a duration: 30m, 2h, 1d');
  return z.NEVER;
});
const pauseBody = z.strictObject({
  queue,
  reason: z.string().trim().min(1).max(1000),
  for: duration.optional(),
});
const resumeBody = z.strictObject({ queue });
const drainBody = z.strictObject({ reason: z.string().trim().min(1).max(1000).default('drain') });

/**
 * `POST /api/pause` with `{queue?, reason, for?}` and `POST /api/resume` with `{queue?}`: as the commands, whose `--json` they answer
 * with. `POST /api/drain` with `{reason?}`: pauses, and answers when nothing is in flight. `POST /api/rescan`: disk against state.db against queues, now.
 */
export function work(server: FastifyInstance, context: Context): void {
  const { settings, queues, clock, report, parts, ledger } = context;
  const deps = { settings, queues, clock, report, ledger };

  server.post('/api/pause', async (request) => {
    const { queue: which, reason, for: forMs } = parsed(pauseBody, request.body);
    await pauseQueues(deps, meantBy(which, parts), reason, forMs);
    return { pauses: await readPauses(deps), inFlight: await inFlight(context) };
  });
  server.post('/api/resume', async (request) => {
    const { queue: which } = parsed(resumeBody, request.body);
    await resumeQueues(deps, meantBy(which, parts, await readPauses(deps)), askerOf(request).by);
    return { pauses: await readPauses(deps), inFlight: await inFlight(context) };
  });
  server.post('/api/drain', async (request) => {
    const { reason } = parsed(drainBody, request.body);
    const gone = new AbortController();
    request.raw.once('close', () => gone.abort());
    await drain(context, reason, gone.signal);
    return { pauses: await readPauses(deps), inFlight: await inFlight(context) };
  });
  server.post('/api/rescan', async () => {
    if (queues === undefined)
      throw new WavspoolError('USAGE', 'these settings take no recordings, so there is nothing to rescan');
    return rescanNow({ settings, ledger, queues, clock, report });
  });
}
