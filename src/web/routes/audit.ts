import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { isoTime } from '../../platform/runtime/index.ts';
import { createAuditDesk } from '../audit-desk.ts';
import type { Context } from '../context.ts';
import { dayFrom, parsed } from '../input.ts';
import { askerOf, refuse } from '../replies.ts';

const body = z.strictObject({
  since: dayFrom.optional(),
  sample: z.number().int().min(1).max(100_000_000).optional(),
  deep: z.boolean().optional(),
  repair: z.boolean().optional(),
  receipts: z.boolean().optional(),
  /** Answers when it is over, as the command's `--json` does. */
  wait: z.boolean().optional(),
});

const FINISHED = ['audit finished', 'audit failed', 'audit stopped'];
const MOST_PAST = 20;

/**
 * `POST /api/audit` with `{since?, sample?, deep?, repair?, receipts?, wait?}`: begins what the command does; one runs at a time.
 * `GET /api/audit`: how far the present one is, or what the last found, and which there were. `POST /api/audit/stop` ends it.
 */
export function audit(server: FastifyInstance, { runAudit, clock, report, history }: Context): void {
  const desk = createAuditDesk({ run: runAudit, clock, report });
  server.addHook('preClose', async () => void (await desk.stop()));

  server.post('/api/audit', async (request, reply) => {
    const { wait, ...words } = parsed(body, request.body);
    const run = desk.begin(words, askerOf(request));
    if (wait !== true) return reply.code(202).send(run);
    const over = await desk.over();
    if (over === undefined || over.summary === null)
      return refuse(reply, 409, {
        error: 'the audit was stopped before its end',
        code: 'STOPPED',
        remedy: 'ask again',
      });
    const { findings, found, summary } = over;
    return { findings, ...(found > findings.length && { unlisted: found - findings.length }), ...summary };
  });

  server.get('/api/audit', async () => {
    const past = await history.events({ names: FINISHED, limit: MOST_PAST });
    return {
      run: desk.present() ?? null,
      past: past.map(({ at, event, fields }) => ({ at: isoTime(at), event, ...fields })),
    };
  });

  server.post('/api/audit/stop', async () => ({ run: (await desk.stop()) ?? null }));
}
