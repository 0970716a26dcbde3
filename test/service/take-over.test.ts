import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, expect, test } from 'vitest';
import { startRig, type Rig } from '../support/rig.ts';
import { makeTar } from '../support/tars.ts';

// A home-made script ran here before: its state.db, its tars in the landing directory, its objects in the bucket. wavspool starts.

let rig: Rig | undefined;
afterEach(() => rig?.[Symbol.asyncDispose]());

const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const member = (name: string) => ({ name, body: randomBytes(5000) });
type Member = ReturnType<typeof member>;

async function landed({ incoming }: Rig, name: string, members: readonly Member[]): Promise<void> {
  await mkdir(dirname(join(incoming, name)), { recursive: true });
  await writeFile(join(incoming, name), makeTar(members));
}

test('what its rows leave out is brought to the bucket, what is there is neither sent again nor taken for another', async () => {
  rig = await startRig(undefined, {}, { together: true });
  const { s3, incoming, extracted, data } = rig;
  await rig.stop();
  for (const end of ['', '-wal', '-shm']) await rm(join(data, `state.db${end}`), { force: true });

  const [stored, onDisk, lacking, elsewhere, replaced, pending] = [
    member('stored.wav'),
    member('on-disk.wav'),
    member('lacking.wav'),
    member('elsewhere.wav'),
    member('replaced.wav'),
    member('pending.wav'),
  ];
  await landed(rig, 'a.tar', [stored, onDisk, elsewhere, pending]);
  await landed(rig, 'b.tar', [lacking]); // its row, and none of its recordings
  await landed(rig, 'c.tar', [replaced]); // sent again with other content under the same name
  const old = randomBytes(5000);
  await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'stored.wav', Body: stored.body }));
  await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'replaced.wav', Body: old }));
  await mkdir(extracted, { recursive: true });
  await writeFile(join(extracted, 'on-disk.wav'), onDisk.body);
  const left = member('left.wav'); // its tar is gone, and the script had lied of it
  await writeFile(join(extracted, 'left.wav'), left.body);
  const row = (name: string, status: string): string =>
    `('${join(extracted, name)}', '${status}', '2025-09-01 02:00:00', NULL, 0)`;
  execFileSync('sqlite3', [
    join(data, 'state.db'),
    `CREATE TABLE extracted_tars(path TEXT PRIMARY KEY, timestamp TEXT);
     CREATE TABLE uploads(wav_path TEXT PRIMARY KEY, status TEXT, timestamp TEXT, error_message TEXT, retry_count INTEGER DEFAULT 0);
     INSERT INTO extracted_tars SELECT '${incoming}/' || value, '2025-09-01 02:00:00' FROM json_each('["a.tar", "b.tar", "c.tar"]');
     INSERT INTO uploads VALUES ${row('stored.wav', 'success')}, ${row('on-disk.wav', 'SUCCESS')}, ${row('elsewhere.wav', 'SUCCESS')},
       ${row('replaced.wav', 'SUCCESS')}, ${row('pending.wav', 'PENDING')}, ${row('left.wav', 'SUCCESS')};`,
  ]);
  await rig.start();
  await rig.settled(8);
  const objects = Object.fromEntries(
    Object.entries(await rig.objects()).map(([key, { sha256 }]) => [key, sha256]),
  );
  expect(objects).toEqual({
    'stored.wav': hashOf(stored.body),
    'lacking.wav': hashOf(lacking.body),
    'pending.wav': hashOf(pending.body),
    'replaced.wav': hashOf(old),
    'c/replaced.wav': hashOf(replaced.body),
  });
  const rows = await rig.rows(`SELECT wav_path, sha256 FROM uploads WHERE timestamp = '2025-09-01 02:00:00'`);
  expect(rows.map(({ wav_path }) => String(wav_path).replace(`${extracted}/`, '')).toSorted()).toEqual([
    'elsewhere.wav',
    'left.wav',
    'on-disk.wav',
    'replaced.wav',
    'stored.wav',
  ]);
  await rig.wavspool('audit', '--repair');
  expect(hashOf(await s3.bytes('left.wav'))).toBe(hashOf(left.body));
  expect(await rig.rows(`SELECT status, sha256 FROM uploads WHERE wav_path LIKE '%/left.wav'`)).toEqual([
    { status: 'SUCCESS', sha256: hashOf(left.body) },
  ]);
});
