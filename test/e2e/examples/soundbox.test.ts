import { execFile } from 'node:child_process';
import { mkdir, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { maintenanceJobs } from '../../../src/maintenance/catalogue/index.ts';
import { begin, database, dates, dayOf, expectAllGood, notesIn } from '../../support/example.ts';
import { startS3, type TestS3 } from '../../support/s3.ts';
import { live } from '../../support/time-machine.ts';

const run = promisify(execFile);

let s3: TestS3;

beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3[Symbol.asyncDispose]());

test("soundbox.yaml: dated trees for 14 days and the Sundays after them, and back by the owner's own commands", async () => {
  await using life = await begin('soundbox.yaml', '2026-06-01T12:00:00+02:00', s3);
  const { host, clock, root } = life;
  const app = join(root, 'opt/soundbox');
  const backups = join(root, 'var/backups/soundbox');
  const shell = async (command: string): Promise<string> =>
    (await run('bash', ['-c', command], { cwd: backups })).stdout.trim();
  const box = await database(join(app, 'soundbox.db'), 'sounds');
  await mkdir(join(app, 'generated'));
  await writeFile(join(app, 'generated/always.mp3'), 'the same every night');
  await writeFile(join(app, 'generated/.env'), 'SECRET=1');
  const jobs = maintenanceJobs(host).filter(({ id }) => !/^drill|^snapshot state/.test(id));
  const nights = async (until: string): Promise<void> => {
    await live(host, clock, jobs, Date.parse(until), async (at) => {
      const day = dayOf(at, 'Europe/Berlin');
      await writeFile(join(app, `generated/${day}.mp3`), `made on ${day}`);
      box.note(day);
    });
  };
  await nights('2026-06-24T12:00:00+02:00');
  const trees = (await life.names('var/backups/soundbox')).filter((name) => /^\d/.test(name));
  const wanted = [...dates('2026-06-11', '2026-06-24'), '2026-06-07'];
  expect(trees).toEqual(expect.arrayContaining(wanted));
  // the night of exactly day 14 may be there or not: the document does not say
  expect(trees.filter((day) => !wanted.includes(day) && day !== '2026-06-10')).toEqual([]);

  expect(await readlink(join(backups, 'latest'))).toBe('2026-06-24');
  expect(await shell('ls -A latest')).toBe('.wavspool.sha256\ngenerated\nsoundbox.db');
  expect(await shell('find latest/generated -type f | wc -l')).toBe('24');
  expect(await shell('sqlite3 latest/soundbox.db "PRAGMA integrity_check"')).toBe('ok');
  expect(await shell('cd latest && sha256sum --check --quiet .wavspool.sha256')).toBe('');
  expect(await shell('stat -c %N latest')).toContain('2026-06-24');
  const [first = '', last = ''] = [trees[0], trees.at(-1)];
  const inode = async (day: string): Promise<number> =>
    (await stat(join(backups, day, 'generated/always.mp3'))).ino;
  expect(await inode(first)).toBe(await inode(last));
  expect(notesIn(join(backups, first, 'soundbox.db'), 'sounds').at(-1)).toBe(first);

  // asked for over HTTP: the newest of the day has its date, and the one of 03:00 a time
  expect(await life.http('/api/backups/run', { mirror: 'audio' })).toMatchObject({
    mirror: 'audio',
    path: join(backups, '2026-06-24'),
    offsite: { shipped: [expect.stringMatching(/^audio\/dates\/2026-06-24_\d{6}\.jsonl\.gz$/)] },
  });
  expect(await life.names('var/backups/soundbox')).toContain('2026-06-24_030000');

  // a full restore, and the nights after it
  await rename(app, `${app}.before`);
  await shell(`rsync -a latest/ ${app}/`);
  expect(await readFile(join(app, 'generated/2026-06-24.mp3'), 'utf8')).toBe('made on 2026-06-24');
  await nights('2026-06-25T12:00:00+02:00');
  expect(await readlink(join(backups, 'latest'))).toBe('2026-06-25');
  expect(await shell('find latest/generated -type f | wc -l')).toBe('25');
  // a day of one's choice, the database alone, and a date removed by hand
  await shell(`rsync -a 2026-06-20/ ${app}/ && cp latest/soundbox.db ${app}/`);
  await rm(join(backups, first), { recursive: true });
  await nights('2026-06-26T12:00:00+02:00');
  expect(await readlink(join(backups, 'latest'))).toBe('2026-06-26');

  const listed = (await life.http('/api/backups')) as { rows: { kind: string; where: string }[] };
  expect(
    listed.rows.filter(({ kind, where }) => kind === 'mirror' && where === 'offsite').length,
  ).toBeGreaterThan(14);
  await expectAllGood(life);
}, 900_000);
