import type { FastifyInstance } from 'fastify';
import { backupPage } from '../../maintenance/catalogue/index.ts';
import type { Context } from '../context.ts';
import { backupsQuery, eventBody, parsed, runBackupBody, verifyBody } from '../input.ts';
import { askerOf } from '../replies.ts';

/**
 * `GET /api/backups?database=&limit=&after=`: a page of the copies there are, the newest first.
 * `POST /api/backups/run` with `{database, event?, label?}`, `{database, export}` or `{mirror}`: takes a snapshot, writes an
 * export or makes a mirror now, and answers with what the command's `--json` prints, when it is done.
 * `POST /api/backups/verify` with `{database?}`: reads every copy of it, or of all, back; with `{database, path}`: restores that copy to a
 * scratch file, and tells whether it is sound.
 * `POST /api/events` with `{event, label?, database?}`: takes every snapshot that is bound to the event.
 */
export function backups(server: FastifyInstance, { host, clock, report }: Context): void {
  server.get('/api/backups', async (request) => {
    const { database, limit, after } = parsed(backupsQuery, request.query);
    const { snapshots, unlisted } = await host.backups(database);
    return { ...backupPage(snapshots, { limit, after }), total: snapshots.length, unlisted };
  });
  server.post('/api/backups/run', async (request) => {
    const asked = parsed(runBackupBody, request.body);
    if ('mirror' in asked) return host.makeMirror(asked.mirror);
    if ('export' in asked) return host.exportTables(asked.database, asked.export);
    return { snapshots: await host.takeSnapshots(asked, asked.event === undefined ? 'hand' : 'event') };
  });
  server.post('/api/backups/verify', async (request) => {
    const asked = parsed(verifyBody, request.body);
    if (!('path' in asked)) return { snapshots: await Array.fromAsync(host.verify(asked.database)) };
    const { database, path } = asked;
    const since = clock.monotonicMs();
    const { ok, reason } = await host.restoreTest(database, path);
    const ms = Math.round(clock.monotonicMs() - since);
    report('restore tested', { ...askerOf(request), database, path, ok, ms });
    return { snapshots: [{ path, ok, ...(reason !== undefined && { reason }) }], ms };
  });
  server.post('/api/events', async (request) => ({
    snapshots: await host.takeSnapshots(parsed(eventBody, request.body), 'event'),
  }));
}
