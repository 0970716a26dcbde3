import { randomBytes } from 'node:crypto';
import { readdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TEMPORARY_PREFIX } from '../../src/platform/runtime/index.ts';
import { until } from '../support/ports.ts';
import { startRig, type Rig } from '../support/rig.ts';
import { makeTar } from '../support/tars.ts';

const TARS = 10;
const EACH = 40;

async function landAll(rig: Rig): Promise<void> {
  for (let tar = 0; tar < TARS; tar++) {
    const members = Array.from({ length: EACH }, (_, i) => ({
      name: `${tar}-${i}.wav`,
      body: randomBytes(30_000),
    }));
    await rig.land(`day/${tar}.tar`, makeTar(members));
  }
}

async function expectWhole(rig: Rig): Promise<void> {
  await rig.settled(TARS * EACH);
  const rows = await rig.rows('SELECT key, sha256, retry_count FROM uploads');
  const objects = await rig.objects();
  expect(Object.fromEntries(rows.map(({ key, sha256 }) => [key, sha256]))).toEqual(
    Object.fromEntries(Object.entries(objects).map(([key, { sha256 }]) => [key, sha256])),
  );
  expect(rows.every(({ retry_count }) => retry_count === 0)).toBe(true);
  const files = await readdir(rig.extracted, { recursive: true });
  expect(files.filter((name) => name.includes(TEMPORARY_PREFIX))).toEqual([]);
}

test('P1: kill -9 of the upload role, the extract role and then everything loses and doubles nothing', async () => {
  await using rig = await startRig();
  await landAll(rig);
  const some = (n: number): Promise<void> =>
    until(`${n} recordings are SUCCESS`, async () => {
      const [found] = await rig.rows("SELECT count(*) AS n FROM uploads WHERE status = 'SUCCESS'");
      return Number(found?.['n']) >= n;
    });
  await some(20);
  await rig.kill('upload');
  await rig.kill('extract');
  await some(60);
  await rig.kill();
  await rig.start();
  await expectWhole(rig);
  expect(await rig.stop()).toBe(0);
});

test('a Redis that was left behind with an empty pid file, as on a full disk, is ended, and nothing else', async () => {
  await using rig = await startRig();
  await landAll(rig);
  await rig.kill();
  await truncate(join(rig.data, 'redis/redis.pid'));
  await rig.start();
  await expectWhole(rig);
  expect(await rig.stop()).toBe(0);
});
