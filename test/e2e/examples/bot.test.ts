import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeSnapshots } from '../../../src/host/index.ts';
import { begin, database, expectAllGood, notesIn } from '../../support/example.ts';
import { startS3, type TestS3 } from '../../support/s3.ts';

let s3: TestS3;

beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3[Symbol.asyncDispose]());

const never = new AbortController().signal;
const DAY = 86_400_000;

test('bot.yaml: the five newest before a deployment, 0640 in a 0750 directory', async () => {
  await using life = await begin('bot.yaml', '2026-03-01T12:00:00Z', s3);
  const { host, clock, root } = life;
  const bot = await database(join(root, 'opt/bot/bot.db'), 'replies');
  for (let deployment = 1; deployment <= 8; deployment++) {
    clock.set(clock.now() + DAY);
    bot.note(`version ${deployment}`);
    await takeSnapshots(host, { database: 'bot', event: 'deploy', label: `v${deployment}` }, 'event', never);
  }
  const directory = join(root, 'opt/bot/backups');
  const names = (await life.names('opt/bot/backups')).filter((name) => name.endsWith('.db'));
  expect(names).toEqual([4, 5, 6, 7, 8].map((n) => `bot_2026-03-0${n + 1}-12-00-00_v${n}.db`));
  expect((await stat(directory)).mode & 0o777).toBe(0o750);
  expect((await stat(join(directory, names[0]!))).mode & 0o777).toBe(0o640);
  expect(notesIn(join(directory, names[0]!), 'replies')).toEqual([
    'first',
    'version 1',
    'version 2',
    'version 3',
    'version 4',
  ]);
  await expectAllGood(life);
});
