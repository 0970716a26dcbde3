import { mkdtemp, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadSettings } from '../../../../src/platform/config/index.ts';
import { copiesRoom } from '../../../../src/operate/doctor/copies-room.ts';
import type { Finding } from '../../../../src/operate/doctor/finding.ts';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'wavspool-room-'));
});
afterAll(() => rm(root, { recursive: true }));

/** What is found of the disk of the backups of a database of that size, whose directory is not there yet. */
async function roomFor(bytes: number): Promise<Finding | undefined> {
  const configFile = join(root, 'wavspool.yaml');
  const shop = `{ name: shop, path: ${root}/shop.db, snapshots: [{ name: d, on: go, dir: ${root}/backups, file: d.db }] }`;
  await writeFile(configFile, `paths: { data: ${root}/data }\ndatabases: [${shop}]\n`);
  await writeFile(`${root}/shop.db`, '');
  await truncate(`${root}/shop.db`, bytes);
  const { settings } = loadSettings({ configFile, env: {} });
  return (await copiesRoom(settings, [`${root}/backups`]))[0];
}

test('a disk with room for the next copy is well, and both figures are told', async () => {
  const finding = await roomFor(4096);
  expect(finding).toMatchObject({ name: `disk of the copies in ${root}/backups`, ok: true });
  expect(finding?.found).toMatch(/ free; the next copy needs 4/);
});

test('one without room for it is told', async () => {
  const { bavail, bsize } = await statfs(root);
  expect(await roomFor((bavail + 1024) * bsize)).toMatchObject({ ok: false });
});
