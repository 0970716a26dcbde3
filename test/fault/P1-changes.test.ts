import { randomBytes } from 'node:crypto';
import { readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../support/ports.ts';
import { startRig, type Rig } from '../support/rig.ts';
import { makeTar } from '../support/tars.ts';

// Changes under our feet: what lies on disk is not what it was a moment ago.

const extractedTars = (rig: Rig, n: number): Promise<void> =>
  until(`${n} tars are extracted`, async () => {
    const [row] = await rig.rows('SELECT count(*) AS n FROM extracted_tars');
    return row?.['n'] === n;
  });

test('a recording that was changed, truncated or removed before its upload is refused and comes back from its tar', async () => {
  await using rig = await startRig(undefined, {}, { together: true });
  await rig.wavspool('pause', 'upload', '--reason', 'test');
  const members = ['kept', 'changed', 'cut', 'removed'].map((name) => ({
    name: `${name}.wav`,
    body: randomBytes(50_000),
  }));
  await rig.land('day/a.tar', makeTar(members));
  await extractedTars(rig, 1);
  const file = (name: string): string => join(rig.extracted, 'day', `${name}.wav`);
  const foreign = randomBytes(50_000);
  await writeFile(file('changed'), foreign);
  await writeFile(file('cut'), (await readFile(file('cut'))).subarray(0, 20_000));
  await rm(file('removed'));
  await rig.wavspool('resume', 'upload');
  await rig.settled(members.length);
  for (const { name, body } of members) {
    expect(await rig.s3.bytes(`day/${name}`), name).toEqual(body);
    expect(await readFile(join(rig.extracted, 'day', name))).toEqual(body);
  }
  const aside = (await readdir(join(rig.extracted, 'day'))).filter((name) => name.includes('.altered-'));
  expect(aside).toHaveLength(2); // what lay in their places is evidence too
  expect(await Promise.all(aside.map((name) => readFile(join(rig.extracted, 'day', name))))).toContainEqual(
    foreign,
  );
});

test('a recording that was removed, with its tar gone too, ends FAILED and says why', async () => {
  const upload = { maxRetries: 1, backoff: { initial: '100ms', max: '200ms' } };
  await using rig = await startRig(undefined, { upload }, { together: true });
  await rig.wavspool('pause', 'upload', '--reason', 'test');
  await rig.land(
    'a.tar',
    makeTar([
      { name: 'a.wav', body: randomBytes(9000) },
      { name: 'b.wav', body: randomBytes(9000) },
    ]),
  );
  await extractedTars(rig, 1);
  await rm(join(rig.extracted, 'a.wav'));
  await rm(join(rig.incoming, 'a.tar'));
  await rig.wavspool('resume', 'upload');
  await until('both have ended', async () => {
    const rows = await rig.rows('SELECT wav_path, status, cause, retry_count FROM uploads ORDER BY wav_path');
    return (
      rows[0]?.['status'] === 'FAILED' && rows[0]['retry_count'] === 1 && rows[1]?.['status'] === 'SUCCESS'
    );
  });
  const { code, stdout } = await rig.wavspool('failed');
  expect(code).toBe(1);
  expect(stdout).toContain('missing');
});

test('a tar that is replaced or removed while it waits or is read harms no other tar', async () => {
  await using rig = await startRig(undefined, {}, { together: true });
  await rig.wavspool('pause', 'extract', '--reason', 'test');
  const big = Array.from({ length: 40 }, (_, i) => ({ name: `${i}.wav`, body: randomBytes(500_000) }));
  await rig.land('old/a.tar', makeTar(big));
  await rig.land('old/gone.tar', makeTar([{ name: 'gone.wav', body: randomBytes(1000) }]));
  await until('both are queued', async () => (await rig.status()).queues.extract?.waiting === 2);
  await rm(join(rig.incoming, 'old/gone.tar'));
  await rig.wavspool('resume', 'extract');
  const next = Array.from({ length: 40 }, (_, i) => ({ name: `${i}.wav`, body: randomBytes(400_000) }));
  await rig.land('old/a.tar', makeTar(next)); // renamed over it, as an SFTP client does
  await until(
    'the new version is uploaded',
    async () => {
      const [row] = await rig.rows(
        "SELECT count(*) AS n FROM uploads WHERE size = 400000 AND status = 'SUCCESS'",
      );
      return row?.['n'] === 40;
    },
    60_000,
  );
  const stored = await rig.objects();
  const rows = await rig.rows("SELECT key, sha256 FROM uploads WHERE status = 'SUCCESS'");
  for (const { key, sha256 } of rows) expect(stored[String(key)]?.sha256).toBe(sha256);
  const files = await readdir(rig.extracted, { recursive: true });
  expect(files.filter((name) => basename(name).startsWith('.wavspool-'))).toEqual([]);
});

test('the extracted or the landing directory goes away and comes back: nothing is lost, nothing has to be restarted', async () => {
  await using rig = await startRig(undefined, {}, { together: true });
  await rig.wavspool('pause', 'upload', '--reason', 'test');
  await rig.land('1/a.tar', makeTar([{ name: 'a.wav', body: randomBytes(9000) }]));
  await extractedTars(rig, 1);
  for (const directory of [rig.extracted, rig.incoming]) await rename(directory, `${directory}.away`);
  await rig.wavspool('resume', 'upload');
  await until('the going of both is reported', async () => {
    const log = await rig.log();
    return [rig.extracted, rig.incoming].every((path) => log.includes(`"reason":"${path} is away`));
  });
  for (const directory of [rig.extracted, rig.incoming]) {
    await rm(directory, { recursive: true, force: true }); // a role may have made it anew, as on an empty mount point
    await rename(`${directory}.away`, directory);
  }
  const body = randomBytes(9000);
  await rig.land('2/b.tar', makeTar([{ name: 'b.wav', body }]));
  await rig.settled(2);
  expect(await rig.s3.bytes('2/b.wav')).toEqual(body);
  expect(await readFile(join(rig.extracted, '2/b.wav'))).toEqual(body);
  expect(await rig.rows('SELECT max(retry_count) AS retries FROM uploads')).toEqual([{ retries: 0 }]);
});
