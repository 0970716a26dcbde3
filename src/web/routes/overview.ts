import type { FastifyInstance } from 'fastify';
import { loadPage } from '../load-page.ts';

/** `GET /`: the overview; its script asks `/api/status` every 2 s. */
export function overview(server: FastifyInstance): void {
  const page = loadPage('overview.html');
  server.get('/', (_request, reply) => page.send(reply));
}
