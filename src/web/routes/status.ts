import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';

/** `GET /api/status`: the status, with the verdict over it. */
export function statusRoute(server: FastifyInstance, { status, isElsewhere }: Context): void {
  server.get('/api/status', async () => {
    const seen = await status();
    if (isElsewhere !== true) return seen;
    // what only its host knows is absent, and named
    const {
      disk: _disk,
      snapshots: _s,
      copies: _c,
      pointInTime: _p,
      schedules: _t,
      logs: _l,
      ...work
    } = seen;
    return { ...work, unasked: ['its disks, copies, schedules and logs'] };
  });
}
