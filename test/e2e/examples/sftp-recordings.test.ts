import { execFileSync } from 'node:child_process';
import { appendFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { maintenanceJobs } from '../../../src/maintenance/catalogue/index.ts';
import { begin, dates, expectAllGood } from '../../support/example.ts';
import { startS3, type TestS3 } from '../../support/s3.ts';
import { live } from '../../support/time-machine.ts';

let s3: TestS3;

beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3[Symbol.asyncDispose]());

test('sftp-recordings.yaml: state.db.backup_YYYYMMDD for 30 days, a log for 7, over the end of summer time', async () => {
  await using life = await begin('sftp-recordings.yaml', '2026-10-01T12:00:00+02:00', s3);
  const { settings, host, clock } = life;
  const { state: path } = settings.paths;
  const log = join(dirname(path), 'files_logs.log');
  let tars = 0;
  const ran = await live(
    host,
    clock,
    maintenanceJobs(host),
    Date.parse('2026-11-10T12:00:00+01:00'),
    async (at) => {
      tars += 1;
      const db = new Database(path);
      db.prepare('INSERT INTO extracted_tars (path) VALUES (?)').run(`tar-${tars}`);
      db.close();
      await appendFile(log, `${new Date(at).toISOString()} a tar came\n`);
    },
  );
  const snapshots = ran.filter(({ job }) => job === 'snapshot state daily');
  expect(snapshots).toHaveLength(40);
  expect(snapshots.map(({ at }) => at.slice(5, 16))).toEqual(
    expect.arrayContaining(['10-24T00:00', '10-25T00:00', '10-26T01:00']), // 02:00 of Berlin, once on the long night
  );

  const names = await life.names('home/sftpbackup/logs');
  // `ls state.db.backup_*` as the document has it: copies, and nothing else
  const listed = execFileSync('sh', ['-c', 'ls state.db.backup_*'], { cwd: dirname(path) });
  const kept = String(listed).trim().split('\n');
  expect(kept).toEqual(
    dates('2026-10-12', '2026-11-10').map((day) => `state.db.backup_${day.replaceAll('-', '')}`),
  );
  for (const [name, least] of [
    [kept[0]!, 10],
    [kept.at(-1)!, 39],
  ] as const) {
    const copy = join(dirname(path), name);
    expect((await stat(copy)).mode & 0o777).toBe(0o600);
    const db = new Database(copy, { readonly: true });
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(db.prepare('SELECT count(*) FROM extracted_tars').pluck().get()).toBeGreaterThanOrEqual(least);
    db.close();
  }
  expect(names.filter((name) => name.startsWith('files_logs.log'))).toEqual([
    'files_logs.log',
    ...Array.from({ length: 7 }, (_, i) => `files_logs.log.${i + 1}.gz`),
  ]);
  await expectAllGood(life);
}, 900_000);
