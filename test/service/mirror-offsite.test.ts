import { execFile } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { chmod, lstat, mkdir, readFile, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { DeleteObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeHostRig, type HostRig } from '../support/host-rig.ts';
import { startS3, type TestS3 } from '../support/s3.ts';
import { controlledClock, type ControlledClock } from '../support/time-machine.ts';
import { mirrorJob, shipMirrorJob } from '../../src/maintenance/catalogue/mirror-job.ts';

// Dates of a mirror in the bucket, on a real S3 server.

const run = promisify(execFile);
const never = new AbortController().signal;
const FIRST = Date.parse('2026-11-20T03:00:00Z');
const DAY = 86_400_000;

let s3: TestS3;
beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3[Symbol.asyncDispose]());

interface Box extends AsyncDisposable {
  readonly rig: HostRig;
  readonly clock: ControlledClock;
  readonly source: string;
  /** The keys below the prefix, shortened. */
  keys(): Promise<{ dates: readonly string[]; files: number }>;
  /** One night: the mirror, then what brings it offsite. */
  night(
    day: number,
  ): Promise<{ shipped: readonly string[]; files: number; bytes: number; removed: readonly string[] }>;
}

async function box(prefix: string, more = ''): Promise<Box> {
  const clock = controlledClock(FIRST);
  const rig = await makeHostRig(
    `
s3: { bucket: ${s3.bucket}, endpoint: "${s3.endpoint}", accessKeyId: ${s3.accessKeyId}, secretAccessKey: ${s3.secretAccessKey} }
mirrors:
  - { name: audio, source: DIR/box, dir: DIR/mirrors, cron: "0 3 * * *", offsite: { prefix: ${prefix}${more} } }
`,
    clock,
  );
  const source = join(rig.directory, 'box');
  mkdirSync(source);
  const [mirror] = rig.host.settings.mirrors;
  return {
    rig,
    clock,
    source,
    keys: async () => {
      const keys = (await s3.keys()).filter((key) => key.startsWith(`${prefix}audio/`));
      return {
        dates: keys.flatMap((key) => /dates\/(.*)\.jsonl\.gz$/.exec(key)?.[1] ?? []),
        files: keys.filter((key) => key.includes('/files/')).length,
      };
    },
    night: async (day) => {
      clock.set(FIRST + day * DAY);
      await mirrorJob(rig.host, mirror!).run(never);
      return shipMirrorJob(rig.host, mirror!).run(never);
    },
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  };
}

test('content is stored once for all dates, a date is complete, and it comes back with everything but what the documents name', async () => {
  await using made = await box('one/');
  const { source, rig } = made;
  mkdirSync(join(source, 'deep/empty'), { recursive: true });
  writeFileSync(join(source, 'deep/a.wav'), 'the same');
  writeFileSync(join(source, 'deep/again.wav'), 'the same');
  writeFileSync(join(source, 'nothing.wav'), '');
  writeFileSync(Buffer.concat([Buffer.from(`${source}/`), Buffer.from([0xff, 0xfe])]), 'no UTF-8');
  writeFileSync(join(source, 'new\nline "quoted".wav'), 'odd');
  symlinkSync('deep/a.wav', join(source, 'link'));
  linkSync(join(source, 'nothing.wav'), join(source, 'second name'));
  await chmod(join(source, 'deep/a.wav'), 0o640);
  await utimes(join(source, 'deep/a.wav'), 1_700_000_000.25, 1_700_000_000.25);
  expect(await made.night(0)).toMatchObject({ files: 4, bytes: 19, removed: [] });
  writeFileSync(join(source, 'b.wav'), 'new');
  expect(await made.night(1)).toMatchObject({
    shipped: ['one/audio/dates/2026-11-21_030000.jsonl.gz'],
    files: 1,
  });
  expect(await made.keys()).toEqual({ dates: ['2026-11-20_030000', '2026-11-21_030000'], files: 5 });

  const list = gunzipSync(await s3.bytes('one/audio/dates/2026-11-21_030000.jsonl.gz')).toString();
  const entries = list
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; path: string });
  expect(entries.filter(({ type }) => type === 'file')).toHaveLength(7);

  const back = join(rig.directory, 'back');
  const fetched = await rig.wavspool('mirror', 'audio', '--fetch', '--to', back, '--json');
  expect(fetched).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(fetched.stdout)).toMatchObject({ path: back, name: '2026-11-21_030000', files: 7 });
  await run('diff', ['-r', '--no-dereference', source, back]);
  const { mode, mtimeMs } = await stat(join(back, 'deep/a.wav'));
  expect([mode, Math.round(mtimeMs)]).toEqual([0o100640, 1_700_000_000_250]);
  expect((await lstat(join(back, 'link'))).isSymbolicLink()).toBe(true);
  // an older one, by its day
  const older = await rig.wavspool(
    'mirror',
    'audio',
    '--fetch',
    '2026-11-20',
    '--to',
    join(rig.directory, 'older'),
  );
  expect(older).toMatchObject({ code: 0 });
  expect(await readdir(join(rig.directory, 'older'))).not.toContain('b.wav');
  expect(await rig.wavspool('mirror', 'audio', '--fetch', '--to', back)).toMatchObject({ code: 2 });
  expect(
    await rig.wavspool('mirror', 'audio', '--fetch', '2020-01-01', '--to', join(rig.directory, 'x')),
  ).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('there are: 2026-11-21_030000, 2026-11-20_030000'),
  });
  expect((await readdir(rig.directory)).filter((name) => name.startsWith('.wavspool-'))).toEqual([]);
});

test('what the rule lets go loses its list and the content that no other date names, and nothing else', async () => {
  await using made = await box('two/', ', keep: { last: 2 }');
  writeFileSync(join(made.source, 'always.wav'), 'always');
  for (const day of [0, 1, 2]) {
    writeFileSync(join(made.source, `${day}.wav`), `of day ${day}`);
    if (day > 0) await rm(join(made.source, `${day - 1}.wav`));
    const { removed } = await made.night(day);
    expect(removed).toEqual(day < 2 ? [] : ['two/audio/dates/2026-11-20_030000.jsonl.gz']);
  }
  expect(await made.keys()).toEqual({ dates: ['2026-11-21_030000', '2026-11-22_030000'], files: 3 });
  // a foreign object dated next year costs nothing, and a list that cannot be read lets nothing go
  const foreign = 'two/audio/dates/2027-11-20_030000.jsonl.gz';
  await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: foreign, Body: Buffer.alloc(0) }));
  await expect(made.night(3)).rejects.toThrow(`${foreign} was not put there by this mirror`);
  expect((await made.keys()).dates).toHaveLength(3);
  // nor does one that has the metadata of a date, and is not as long as that says
  const Key = 'two/audio/dates/2026-11-22_030000.jsonl.gz';
  const { Metadata } = await s3.client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key }));
  await s3.client.send(
    new PutObjectCommand({ Bucket: s3.bucket, Key: foreign, Body: Buffer.alloc(0), Metadata }),
  );
  await expect(made.night(3)).rejects.toThrow(`${foreign} was not put there by this mirror`);
  expect((await made.keys()).dates).toHaveLength(3);
  await s3.client.send(new DeleteObjectCommand({ Bucket: s3.bucket, Key: foreign }));
  expect(await made.night(4)).toMatchObject({ shipped: [expect.any(String), expect.any(String)] });
  expect((await made.keys()).dates).toEqual(['2026-11-23_030000', '2026-11-24_030000']);
});

test('content that has gone from the bucket is brought again, and a mirror that is not what it was is not sent', async () => {
  await using made = await box('three/');
  writeFileSync(join(made.source, 'a.wav'), 'content of a');
  await made.night(0);
  const [lost] = (await s3.keys()).filter((key) => key.startsWith('three/audio/files/'));
  await s3.client.send(new DeleteObjectCommand({ Bucket: s3.bucket, Key: lost! }));
  expect(await made.night(1)).toMatchObject({ files: 1 });
  writeFileSync(join(made.source, 'b.wav'), 'content of b');
  made.clock.set(FIRST + 2 * DAY);
  const [mirror] = made.rig.host.settings.mirrors;
  const { path } = await mirrorJob(made.rig.host, mirror!).run(never);
  writeFileSync(join(path, 'b.wav'), 'content of x');
  await expect(shipMirrorJob(made.rig.host, mirror!).run(never)).rejects.toThrow(
    'b.wav is not what its manifest says',
  );
  expect((await made.keys()).dates).toHaveLength(2);
});

test('by hand it is brought at once, listed and verified', async () => {
  await using made = await box('four/');
  await mkdir(join(made.source, 'generated'));
  writeFileSync(join(made.source, 'generated/a.wav'), 'a');
  const done = await made.rig.wavspool('mirror', 'audio', '--json');
  expect(done).toMatchObject({ code: 0, stderr: '' });
  const { path, offsite } = JSON.parse(done.stdout) as { path: string; offsite: { shipped: [string] } };
  expect(await readFile(join(path, 'generated/a.wav'), 'utf8')).toBe('a');
  const listed = JSON.parse((await made.rig.wavspool('snapshots', 'list', '--json')).stdout) as {
    rows: { kind: string; where: string; path: string }[];
  };
  expect(listed.rows.filter(({ kind }) => kind === 'mirror').map(({ where, path }) => [where, path])).toEqual(
    expect.arrayContaining([
      ['local', path],
      ['offsite', `s3://${s3.bucket}/${offsite.shipped[0]}`],
    ]),
  );
});
