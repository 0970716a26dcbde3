import { mkdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hostJobs } from '../../../src/host/index.ts';
import { begin, database, dates, dayOf, expectAllGood, notesIn } from '../../support/example.ts';
import { startS3, type TestS3 } from '../../support/s3.ts';
import { live } from '../../support/time-machine.ts';

let s3: TestS3;

beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3[Symbol.asyncDispose]());

test('soundbox.yaml: hardlinked dated trees for 14 days and the Sundays of 60 more, with the database of that night', async () => {
  await using life = await begin('soundbox.yaml', '2026-06-01T12:00:00+02:00', s3);
  const { host, clock, root } = life;
  const box = await database(join(root, 'srv/soundbox/soundbox.db'), 'sounds');
  const source = join(root, 'srv/soundbox/generated');
  await mkdir(source, { recursive: true });
  await writeFile(join(source, 'always.mp3'), 'the same every night');
  const jobs = hostJobs(host).filter(({ id }) => !/^drill|^snapshot state/.test(id));
  const end = Date.parse('2026-09-06T12:00:00+02:00'); // a Sunday
  await live(host, clock, jobs, end, async (at) => {
    const day = dayOf(at, 'Europe/Berlin');
    await writeFile(join(source, `${day}.mp3`), `made on ${day}`);
    box.note(day);
  });
  const trees = (await life.names('var/backups/soundbox')).filter((name) => name !== 'latest');
  const lastTwoWeeks = dates('2026-08-24', '2026-09-06');
  const sundays = dates('2026-07-06', '2026-09-06').filter(
    (day) => Temporal.PlainDate.from(day).dayOfWeek === 7,
  );
  expect(trees).toEqual([...new Set([...sundays, ...lastTwoWeeks])].toSorted());
  expect(await readlink(join(root, 'var/backups/soundbox/latest'))).toBe('2026-09-06');
  const tree = (day: string, name: string): string => join(root, 'var/backups/soundbox', day, name);
  const [first, last] = [trees[0]!, trees.at(-1)!];
  expect((await stat(tree(first, 'always.mp3'))).ino).toBe((await stat(tree(last, 'always.mp3'))).ino);
  expect(await readFile(tree(first, `${first}.mp3`), 'utf8')).toBe(`made on ${first}`);
  await expect(stat(tree(first, `${last}.mp3`))).rejects.toThrow('ENOENT');
  expect(notesIn(tree(first, 'soundbox.db'), 'sounds').at(-1)).toBe(first);
  expect(notesIn(tree(last, 'soundbox.db'), 'sounds').at(-1)).toBe(last);

  const keys = (await s3.keys()).filter((key) => key.startsWith('soundbox/'));
  expect(keys).toEqual(trees.map((day) => `soundbox/soundbox_${day}.db.zst`));
  const run = await life.http('/api/backups/run', { mirror: 'audio' });
  expect(run).toMatchObject({ mirror: 'audio', path: expect.stringMatching(/2026-09-06_\d{6}$/) });
  const listed = (await life.http('/api/backups')) as {
    snapshots: { kind: string; bytes: number; apparentBytes: number }[];
  };
  const mirrors = listed.snapshots.filter(({ kind }) => kind === 'mirror');
  expect(mirrors).toHaveLength(trees.length); // of a day the newest counts: it took the place of the one at 03:00
  expect(mirrors[0]).toMatchObject({ path: (run as { path: string }).path });
  await expectAllGood(life);
}, 240_000);
