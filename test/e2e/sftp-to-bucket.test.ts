import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startRig } from '../support/rig.ts';
import { startSshd } from '../support/sshd.ts';
import { makeTar } from '../support/tars.ts';
import { cutHeader, makeWav, type WavShape } from '../support/wavs.ts';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const wav = (shape: Partial<WavShape>): Buffer =>
  makeWav({ codec: 'pcm16', sampleRate: 8000, channels: 1, seconds: 2, seed: 1, ...shape });

/** What PBXs write, and what they write when something went wrong. */
const RECORDINGS: Readonly<Record<string, Buffer>> = {
  'pcm16.wav': wav({}),
  'pcm8.wav': wav({ codec: 'pcm8', seed: 2 }),
  'ulaw.wav': wav({ codec: 'ulaw', seed: 3 }),
  'alaw.WAV': wav({ codec: 'alaw', seed: 4 }),
  'gsm.wav': wav({ codec: 'gsm610', seed: 5 }),
  'stereo-16k.wav': wav({ channels: 2, sampleRate: 16_000, seed: 6 }),
  'extensible.wav': wav({ codec: 'extensible', seed: 7 }),
  'list.wav': wav({ listChunk: true, seed: 8 }),
  'streaming.wav': wav({ streaming: true, seed: 9 }),
  'empty.wav': Buffer.alloc(0),
  'cut.wav': cutHeader(wav({ seed: 10 })),
  'sub dir/ümläut #1+%.wav': wav({ seed: 11 }),
};

test('an operator’s sftp client puts tars, slowly and by rename, and every recording is in the bucket, byte for byte', async () => {
  await using sshd = await startSshd();
  await using rig = await startRig(sshd.incoming);
  const members = Object.entries(RECORDINGS).map(([name, body]) => ({ name, body }));
  const local = (name: string): string => join(sshd.workDirectory, name);
  await writeFile(local('slow.tar'), makeTar(members));
  await writeFile(
    local('renamed.tar.gz'),
    makeTar([{ name: 'gz.wav', body: wav({ seed: 20 }) }], { compress: 'gzip' }),
  );
  await writeFile(
    local('zstd.tar.zst'),
    makeTar([{ name: 'zst.wav', body: wav({ seed: 21 }) }], { compress: 'zstd' }),
  );

  const slow = sshd.sftp(['mkdir crm', 'mkdir crm/01', `put ${local('slow.tar')} crm/01/slow.tar`], {
    limitKbps: 800,
  });
  const renamed = await sshd.sftp([
    'mkdir b',
    `put ${local('renamed.tar.gz')} b/renamed.tar.gz.part`,
    'rename b/renamed.tar.gz.part b/renamed.tar.gz',
    `put ${local('zstd.tar.zst')} b/zstd.tar.zst`,
  ]);
  expect(renamed).toMatchObject({ exitCode: 0 });
  expect(await slow).toMatchObject({ exitCode: 0 });
  await rig.settled(members.length + 2);

  const objects = await rig.objects();
  const expected: Record<string, string> = {
    'b/gz.wav': sha256(wav({ seed: 20 })),
    'b/zst.wav': sha256(wav({ seed: 21 })),
  };
  for (const { name, body } of members) expected[`crm/01/${name}`] = sha256(body);
  expect(Object.fromEntries(Object.entries(objects).map(([key, object]) => [key, object.sha256]))).toEqual(
    expected,
  );
  for (const [key, { sha256, metadata }] of Object.entries(objects))
    expect(metadata['sha256'], key).toBe(sha256);
  expect(objects['crm/01/gsm.wav']?.metadata).toMatchObject({
    tar: 'crm/01/slow.tar',
    codec: 'gsm610',
    channels: '1',
  });
  expect(objects['crm/01/cut.wav']?.metadata).toMatchObject({ wav: 'invalid' });

  const story = await rig.rows(
    'SELECT recordings, skipped, refused, sha256 FROM extracted_tars ORDER BY path',
  );
  expect(story).toEqual([
    { recordings: 1, skipped: 0, refused: 0, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    { recordings: 1, skipped: 0, refused: 0, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    { recordings: 12, skipped: 0, refused: 0, sha256: sha256(makeTar(members)) },
  ]);
  expect((await rig.wavspool('failed', '--json')).code).toBe(0);
  expect(await rig.stop()).toBe(0);
});

test('P5: two tars with the same member name and different bytes both end in the bucket, equal bytes once', async () => {
  await using rig = await startRig(undefined, {}, { together: true });
  const [one, two] = [wav({ seed: 30 }), wav({ seed: 31 })];
  await rig.land('day/one.tar', makeTar([{ name: 'call.wav', body: one }]));
  await rig.settled(1);
  await rig.land('day/two.tar', makeTar([{ name: 'call.wav', body: two }]));
  await rig.land('day/three.tar', makeTar([{ name: 'call.wav', body: one }]));
  await rig.settled(2);
  expect(await rig.wavspool('ingest', '--wait', join(rig.incoming, 'day/three.tar'))).toMatchObject({
    code: 0,
  });
  const objects = await rig.objects();
  expect(objects['day/call.wav']?.sha256).toBe(sha256(one));
  expect(objects['day/two/call.wav']?.sha256).toBe(sha256(two));
  expect(Object.keys(objects)).toHaveLength(2);
});

test('P8: a bad tar and a hostile one harm only themselves, and failed and requeue tell of them', async () => {
  await using rig = await startRig(undefined, {}, { together: true });
  const good = wav({ seed: 40 });
  await rig.land('garbage.tar', Buffer.from('this is no tar '.repeat(1000)));
  await rig.land(
    'hostile.tar',
    makeTar([
      { name: '../../evil.wav', body: good },
      { name: 'ok.wav', body: good },
    ]),
  );
  await rig.land('good.tar', makeTar([{ name: 'good.wav', body: good }]));
  for (const tar of ['good.tar', 'hostile.tar']) {
    await rig.wavspool('ingest', '--wait', join(rig.incoming, tar));
  }
  const garbage = await rig.wavspool('ingest', '--wait', '--json', join(rig.incoming, 'garbage.tar'));
  expect(garbage.code).toBe(1);
  expect(Object.keys(await rig.objects()).toSorted()).toEqual(['good.wav', 'ok.wav']);
  const failed = await rig.wavspool('failed', '--json');
  expect(failed.code).toBe(1);
  expect(JSON.parse(failed.stdout)).toMatchObject({
    rows: [{ cause: 'refused', status: 'FAILED' }],
    tars: [{ path: join(rig.incoming, 'garbage.tar'), cause: 'corrupt' }],
  });
  const again = await rig.wavspool('requeue', '--tar', 'garbage.tar', '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ tars: 1 });
});
