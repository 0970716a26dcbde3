import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { QUEUES, type Queues } from '../../platform/queue/index.ts';
import { every } from '../../platform/runtime/index.ts';
import type { Context } from '../context.ts';
import { refuse } from '../replies.ts';

const PREFIX = '/queues';
/** Its own files only. */
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
    if (settings.http.bullBoard === 'safe') scope.addHook('preHandler', refuseDestruction);
    scope.addHook('preSerialization', async (request, _reply, payload) =>
      request.who?.may === 'look' ? readOnly(payload) : payload,
    );
    scope.addHook('onSend', async (_request, reply, payload) => {
      reply.header('content-security-policy', POLICY).header('x-content-type-options', 'nosniff');
      if (typeof payload !== 'string') return payload;
      const page = withoutForeignFonts(payload);
      return settings.http.bullBoard === 'safe'
        ? page.replace('</head>', `${withoutRefused()}</head>`)
        : page;
    });
    await scope.register(serverAdapter.registerPlugin(), { prefix: PREFIX });
  });
}

/** Its page would ask another host for fonts, which a host without a way out waits for; those of the system serve. */
function withoutForeignFonts(page: string): string {
  return page.replaceAll(/<link href="https:[^>]*>/g, '');
}

/** What Bull Board may change without `http.bullBoard: full`: nothing that takes work away, or makes other work of it. */
const HARMLESS: ReadonlySet<string | undefined> = new Set(
  [
    'pause',
    'resume',
    ':queueName/pause',
    ':queueName/resume',
    ':queueName/promote',
    ':queueName/retry/:queueStatus',
    ':queueName/rate-limit/release',
    ':queueName/:jobId/retry',
    ':queueName/:jobId/promote',
  ].map((route) => `${PREFIX}/api/queues/${route}`),
);

/** The icons of what is refused, by where they stand; where an icon stands for something harmless elsewhere, it stays there. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  // add a job, concurrency, rate limit, empty, obliterate
  '[role="menuitem"]': ['plus', 'chart-no-axes-gantt', 'gauge', 'trash-2', 'ban'],
  // clean, edit, duplicate, put off, another priority, children
  button: ['trash-2', 'pencil', 'files', 'clock', 'arrow-up-down', 'list-x'],
  // run a schedule now
  'td > button': ['play'],
};

/** Its settings know "no button at all" and nothing between; pause and retry are to stay. */
function withoutRefused(): string {
  const buttons = Object.entries(REFUSED).map(
    ([where, icons]) => `${where}:has(${icons.map((icon) => `.lucide-${icon}`).join(', ')})`,
  );
  return `<style>${buttons.join(', ')} { display: none }</style>`;
}

/** Decides by the route that was taken, never by the address: what an address leads to is the router's to say. */
async function refuseDestruction(
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  const isLook = request.method === 'GET' || request.method === 'HEAD';
  if (isLook || (request.method === 'PUT' && HARMLESS.has(request.routeOptions.url))) return undefined;
  return refuse(reply, 403, {
    error: 'Bull Board may not remove, empty, obliterate, add or edit here',
    code: 'BULL_BOARD',
    remedy: 'use the console or the commands; "http.bullBoard: full" allows it',
  });
}

/** Bull Board shows no button for a queue that it is told to be read-only. */
function readOnly(payload: unknown): unknown {
  if (typeof payload !== 'object' || payload === null || !('queues' in payload)) return payload;
  const { queues } = payload;
  if (!Array.isArray(queues)) return payload;
  return {
    ...payload,
    queues: queues.map((queue: object) => ({ ...queue, readOnlyMode: true, allowRetries: false })),
  };
}
