import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, readFile, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { maintenanceJobs, takeSnapshots } from '../../../src/maintenance/catalogue/index.ts';
import { begin, database, dates, expectAllGood, notesIn, unpacked } from '../../support/example.ts';
import { startS3, type TestS3 } from '../../support/s3.ts';
import { live } from '../../support/time-machine.ts';

let s3: TestS3;

beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3[Symbol.asyncDispose]());

const never = new AbortController().signal;

test('portfolio.yaml: nightly for 30 days, tables for 12 weeks, galleries for 90 days, logs by date, points in time', async () => {
  await using life = await begin('portfolio.yaml', '2026-01-01T12:00:00+01:00', s3);
  const { host, clock, root } = life;
  const site = await database(join(root, 'srv/portfolio/data/portfolio.sqlite'), 'galleries');
  await database(join(root, 'srv/portfolio/data/portfolio.sqlite'), 'comments');
  await database(join(root, 'srv/portfolio/data/portfolio.sqlite'), 'likes');
  const log = join(root, 'srv/portfolio/logs/backend.log');
  await mkdir(dirname(log), { recursive: true });
  const all = maintenanceJobs(host);
  const seldom = all.filter(({ id }) => !/^point-in-time|^snapshot state/.test(id));
  const end = Date.parse('2026-05-01T12:00:00+02:00');
  for (let month = 1; month <= 4; month++) {
    const until = Date.parse(`2026-0${month}-15T12:00:00+01:00`);
    await live(host, clock, seldom, until, (at) => appendFile(log, `${new Date(at).toISOString()}\n`));
    site.note(`gallery ${month}`);
    const made = await takeSnapshots(
      host,
      { event: 'gallery-added', label: `Nr. ${month}: Wien` },
      'event',
      never,
    );
    expect(made[0]?.name).toMatch(
      new RegExp(`^gallery-added-Nr\\.-${month}-Wien-2026-0${month}-15-1[23]\\d{4}\\.sqlite\\.gz$`),
    );
  }
  await live(host, clock, seldom, end, (at) => appendFile(log, `${new Date(at).toISOString()}\n`));

  const daily = (await life.names('var/backups/portfolio/daily')).filter((name) => name.endsWith('.gz'));
  expect(daily).toEqual(dates('2026-04-02', '2026-05-01').map((day) => `portfolio-${day}.sqlite.gz`));
  expect(await readlink(join(root, 'var/backups/portfolio/daily/latest'))).toBe(
    'portfolio-2026-05-01.sqlite.gz',
  );
  const newest = join(root, 'var/backups/portfolio/daily', daily.at(-1)!);
  // as the site's document has it: `gunzip -c … > portfolio.sqlite`, and the database is in WAL mode as before
  const gunzipped = execFileSync(
    'sh',
    ['-c', `gunzip -c "${newest}" > back.sqlite && sqlite3 back.sqlite "PRAGMA journal_mode"`],
    { cwd: root },
  );
  expect(String(gunzipped)).toBe('wal\n');
  expect(notesIn(await unpacked(life, newest), 'galleries')).toEqual([
    'first',
    ...[1, 2, 3, 4].map((n) => `gallery ${n}`),
  ]);
  const oldest = join(root, 'var/backups/portfolio/daily', daily[0]!);
  expect(notesIn(await unpacked(life, oldest), 'galleries')).toHaveLength(4);

  const galleries = (await life.names('var/backups/portfolio/event-triggered')).filter((name) =>
    name.endsWith('.gz'),
  );
  expect(galleries.map((name) => /Wien-(2026-\d\d)/.exec(name)?.[1])).toEqual([
    '2026-02', // the one of January lies 90 days before the newest of them
    '2026-03',
    '2026-04',
  ]);
  const social = await life.names('var/backups/portfolio/social');
  expect(social).toEqual(
    dates('2026-02-08', '2026-04-26')
      .filter((day) => Temporal.PlainDate.from(day).dayOfWeek === 7)
      .map((day) => `social-tables-${day}.sql.gz`),
  );
  const sql = gunzipSync(
    await readFile(join(root, 'var/backups/portfolio/social', social.at(-1)!)),
  ).toString();
  expect(sql).toContain('INSERT INTO "comments"');
  expect(sql).not.toContain('galleries');

  const archives = await life.names('srv/portfolio/logs');
  expect(archives).toEqual(
    ['backend.log', ...dates('2026-04-25', '2026-05-01').map((day) => `backend-${day}.log.gz`)].toSorted(),
  );

  // an afternoon with the points in time
  await live(host, clock, all, clock.now() + 3 * 3_600_000, (at) => site.note(`at ${at}`));
  const status = (await life.http('/api/status')) as {
    snapshots: Record<string, { at: string }>;
    pointInTime: Record<string, { points: number; lagSeconds: number }>;
  };
  expect(status.snapshots['portfolio']?.at).toBe('2026-05-01T00:00:00.000Z');
  expect(status.pointInTime['portfolio']?.points).toBeGreaterThanOrEqual(11);
  expect(status.pointInTime['portfolio']?.lagSeconds).toBeLessThanOrEqual(15 * 60);
  const event = await life.http('/api/events', { event: 'gallery-added', label: 'from the hook' });
  expect(event).toMatchObject({
    snapshots: [{ database: 'portfolio', label: 'from the hook', verified: true }],
  });
  await expectAllGood(life);
}, 900_000);
