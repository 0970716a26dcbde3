import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { maintenanceJobs, takeSnapshots } from '../../../src/maintenance/catalogue/index.ts';
import { begin, database, dates, dayOf, expectAllGood, notesIn } from '../../support/example.ts';
import { startS3, type TestS3 } from '../../support/s3.ts';
import { live } from '../../support/time-machine.ts';

let s3: TestS3;

beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3[Symbol.asyncDispose]());

test('spaces.yaml: two databases every night as backups/<name>_YYYY-MM-DD.db', async () => {
  await using life = await begin('spaces.yaml', '2026-02-01T12:00:00Z', s3);
  const { host, clock, root } = life;
  const users = await database(join(root, 'srv/app/users.db'), 'users');
  const orders = await database(join(root, 'srv/app/orders.db'), 'orders');
  const jobs = maintenanceJobs(host).filter(({ id }) => !/^drill|^snapshot state/.test(id));
  await live(host, clock, jobs, Date.parse('2026-05-12T12:00:00Z'), (at) => {
    users.note(dayOf(at, 'UTC'));
    orders.note(dayOf(at, 'UTC'));
  });
  const days = dates('2026-02-12', '2026-05-12'); // 90 of them
  const keys = (await s3.keys()).filter((key) => key.startsWith('backups/'));
  expect(keys).toEqual(['orders', 'users'].flatMap((name) => days.map((day) => `backups/${name}_${day}.db`)));
  const copy = join(root, 'copy.db');
  await writeFile(copy, await s3.bytes('backups/users_2026-03-29.db'));
  expect(notesIn(copy, 'users').at(-1)).toBe('2026-03-29');
  expect((await life.names('var/backups/app')).filter((name) => name.endsWith('.db'))).toEqual(
    ['orders', 'users'].flatMap((name) => days.slice(-3).map((day) => `${name}_${day}.db`)),
  );
  // a second run of the day: whoever fetches the plain name gets the newer one, on disk and in the bucket
  users.note('later that day');
  clock.set(clock.now() + 60_000);
  await takeSnapshots(host, { database: 'users' }, 'hand', new AbortController().signal);
  const again = (await s3.keys()).filter((key) => key.startsWith('backups/users_2026-05-12'));
  const [plain, older = ''] = again;
  expect([plain, again.length]).toEqual(['backups/users_2026-05-12.db', 2]);
  expect(older).toMatch(/users_2026-05-12_0100\d\d\.db$/); // the time of the first run, which began some moments after 01:00
  await writeFile(copy, await s3.bytes('backups/users_2026-05-12.db'));
  expect(notesIn(copy, 'users').at(-1)).toBe('later that day');
  expect(notesIn(join(root, 'var/backups/app/users_2026-05-12.db'), 'users').at(-1)).toBe('later that day');
  await writeFile(copy, await s3.bytes(older));
  expect(notesIn(copy, 'users').at(-1)).toBe('2026-05-12');
  await expectAllGood(life);
}, 900_000);
