import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Status } from '../../src/operate/status/index.ts';
import { systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import { migratePostgres } from '../../src/platform/state/index.ts';
import { until } from '../support/ports.ts';
import { startPostgres } from '../support/postgres.ts';
import { startRig } from '../support/rig.ts';
import { makeTar } from '../support/tars.ts';

const PER_TAR = 40;

test('P7: the ledger’s primary dies under load, tars land meanwhile, a standby is promoted: every recording once, and no retry is spent', async () => {
  await using servers = await startPostgres({ standbys: 2 });
  await migratePostgres({ address: servers.address, clock: systemClock, random: systemRandom });
  await using rig = await startRig(undefined, { state: { url: servers.url } }, { together: true });
  expect((await rig.wavspool('state', 'migrate')).stdout).toContain('already');

  const hashes = new Map<string, string>();
  const land = async (name: string): Promise<void> => {
    const members = Array.from({ length: PER_TAR }, (_, i) => ({
      name: `${name}-${i}.wav`,
      body: randomBytes(2000),
    }));
    for (const { name, body } of members) hashes.set(name, createHash('sha256').update(body).digest('hex'));
    await rig.land(`${name}.tar`, makeTar(members));
  };
  for (const name of ['a', 'b', 'c', 'd']) await land(name);
  const uploaded = async (node: typeof servers.primary): Promise<readonly string[]> =>
    (await node.sql<{ path: string }>("SELECT wav_path AS path FROM uploads WHERE status = 'SUCCESS'")).map(
      ({ path }) => path,
    );
  await until('the first are uploaded', async () => (await uploaded(servers.primary)).length > 0);
  const acknowledged = await uploaded(servers.primary);
  await servers.primary.kill();
  for (const name of ['e', 'f']) await land(name);

  const token = (await readFile(join(rig.data, 'dashboard.token'), 'utf8')).trim();
  const headers = { authorization: `Bearer ${token}` };
  const answers = new Set<number>();
  await until('the ledger is told to be away', async () => {
    const answer = await fetch(`${rig.http}/api/status`, { headers });
    answers.add(answer.status);
    const { verdict } = (await answer.json()) as Status;
    return verdict.attention.some(({ what, since }) => what.includes('ledger postgres://') && since !== null);
  });
  expect([...answers]).toEqual([200]); // from its first moment on: nobody is told that the disks of this host are silent
  const { verdict } = await rig.status();
  expect(verdict.alive).toBe(true);
  const told = verdict.attention.filter(({ what }) => what.includes('ledger'));
  expect(told).toHaveLength(1);
  expect(told[0]).toMatchObject({ since: expect.any(String) as string });
  expect((await fetch(`${rig.http}/healthz`)).status).toBe(200);

  const primary = await servers.failOver(servers.primary);
  await until('all of it is uploaded', async () => (await uploaded(primary)).length === hashes.size, 120_000);
  const now = new Set(await uploaded(primary));
  expect(acknowledged.filter((path) => !now.has(path))).toEqual([]);
  const [sums] = await primary.sql<object>(
    'SELECT count(*)::int AS rows, sum(retry_count)::int AS retries, count(DISTINCT key)::int AS keys FROM uploads',
  );
  expect(sums).toEqual({ rows: hashes.size, retries: 0, keys: hashes.size });
  const objects = await rig.objects();
  expect(Object.fromEntries(Object.entries(objects).map(([key, { sha256 }]) => [key, sha256]))).toEqual(
    Object.fromEntries(hashes),
  );
  const extracted = "SELECT DISTINCT fields::jsonb->>'tar' AS tar FROM events WHERE event = 'tar extracted'";
  await until(
    'what was reported while it was away is in its history too',
    async () => (await primary.sql(extracted)).length === 6,
  );
  await until('the outage is marked in its history, with its end', async () => {
    const answer = await fetch(`${rig.http}/api/history?range=1h`, { headers });
    const { marks } = (await answer.json()) as {
      readonly marks: readonly { what: string; until: string | null }[];
    };
    return marks.some(({ what, until }) => what === 'ledger' && until !== null);
  });
  expect(await rig.log()).not.toMatch(/"msg":"(?:tar|recording) failed"/);
});
