import type { FastifyInstance } from 'fastify';
import type { Context } from '../context.ts';
import { backupsQuery, eventBody, parsed, runBackupBody } from '../input.ts';

/**
 * `GET /api/backups?database=&limit=&offset=`: a page of the copies there are, the newest first.
 * `POST /api/backups/run` with `{database, event?, label?}`: takes a snapshot now, and answers when it is verified.
 * `POST /api/events` with `{event, label?, database?}`: takes every snapshot that is bound to the event.
 */
export function backups(server: FastifyInstance, { backups, takeSnapshots }: Context): void {
  server.get('/api/backups', async (request) => {
    const { database, limit, offset } = parsed(backupsQuery, request.query);
    const all = await backups(database);
    return {
      snapshots: all.slice(offset, offset + limit),
      total: all.length,
      next: all.length > offset + limit ? offset + limit : null,
    };
  });
  server.post('/api/backups/run', async (request) => {
    const asked = parsed(runBackupBody, request.body);
    return { snapshots: await takeSnapshots(asked, asked.event === undefined ? 'hand' : 'event') };
  });
  server.post('/api/events', async (request) => ({
    snapshots: await takeSnapshots(parsed(eventBody, request.body), 'event'),
  }));
}
