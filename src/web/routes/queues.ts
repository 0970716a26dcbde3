import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance } from 'fastify';
import { QUEUES, type Queues } from '../../platform/queue/index.ts';
import { every } from '../../platform/runtime/index.ts';
import type { Context } from '../context.ts';

const PREFIX = '/queues';
/** Its own files only: it would load fonts from elsewhere, which a host without a way out waits for. */
const POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'self'";

/** How long a site that has just begun is not shown. */
const LOOK_MS = 30_000;

/**
 * `/queues`: Bull Board over the queues of every site in this Redis. A retry there needs nothing more: the upload worker takes a retried job of
 * a given-up row as an operator's re-queue.
 */
export async function queueBoard(
  server: FastifyInstance,
  { settings, clock, report, prefix }: Context,
  queues: Queues,
): Promise<void> {
  const serverAdapter = new FastifyAdapter();
  const board = createBullBoard({
    queues: QUEUES.map((kind) => new BullMQAdapter(queues[kind].bull)),
    serverAdapter,
    options: { uiConfig: { boardTitle: `wavspool ${settings.site}` } },
  });
  const closed = new AbortController();
  server.addHook('onClose', () => closed.abort());
  const look = async (): Promise<void> =>
    board.setQueues((await queues.ofEverySite()).map((queue) => new BullMQAdapter(queue)));
  const failed = (err: unknown, times: number): void => report('queues not listed', { err, times });
  void every(LOOK_MS, look, { clock, signal: closed.signal, failed });
  serverAdapter.setBasePath(`${prefix}${PREFIX}`);
  await server.register(async (scope) => {
    scope.addHook('onSend', async (_request, reply) => {
      reply.header('content-security-policy', POLICY).header('x-content-type-options', 'nosniff');
    });
    await scope.register(serverAdapter.registerPlugin(), { prefix: PREFIX });
  });
}
