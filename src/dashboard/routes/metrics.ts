import type { FastifyInstance } from 'fastify';
import { METRICS_CONTENT_TYPE, prometheusText } from '../../metrics/index.ts';
import type { Context } from '../context.ts';

/** `GET /metrics`: Prometheus text. */
export function metrics(server: FastifyInstance, { status }: Context): void {
  server.get('/metrics', async (_request, reply) =>
    reply.type(METRICS_CONTENT_TYPE).send(await prometheusText(await status())),
  );
}
