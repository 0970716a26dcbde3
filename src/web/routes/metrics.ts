import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';

/** `GET /metrics`: Prometheus text. */
export function metrics(server: FastifyInstance, { status }: Context): void {
  server.get('/metrics', async (_request, reply) => {
    // loaded when it is first asked for: the dashboard starts sooner
    const { METRICS_CONTENT_TYPE, prometheusText } = await import('../../operate/metrics/index.ts');
    return reply.type(METRICS_CONTENT_TYPE).send(await prometheusText(await status()));
  });
}
