import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../support/ports.ts';
import { startRig, type Rig, type RigOptions } from '../support/rig.ts';
import { fillDisk, mountSmallDisk, type SmallDisk } from '../support/small-disk.ts';
import { makeTar } from '../support/tars.ts';

// Disk pressure: whatever there is too little of, work waits, says so, and goes on by itself when there is enough.

/** A rig whose data, state.db, Redis and log lie on a small disk; tars land elsewhere. */
async function rigOn(
  disk: SmallDisk,
  incoming: string,
  changes: Readonly<Record<string, object>> = {},
  options: RigOptions = {},
): Promise<Rig> {
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = disk.path;
  try {
    return await startRig(incoming, changes, options);
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
}

const LANDING = join(tmpdir(), `wavspool-landing-${process.pid}`);
const tarOf = (name: string, recordings: number, bytes: number): Buffer =>
  makeTar(
    Array.from({ length: recordings }, (_, i) => ({ name: `${name}-${i}.wav`, body: randomBytes(bytes) })),
  );

async function expectWhole(rig: Rig, recordings: number): Promise<void> {
  await rig.settled(recordings);
  expect(await rig.rows('SELECT max(retry_count) AS retries FROM uploads')).toEqual([{ retries: 0 }]);
  const objects = await rig.objects();
  for (const { key, sha256 } of await rig.rows('SELECT key, sha256 FROM uploads'))
    expect(objects[String(key)]?.sha256).toBe(sha256);
  const files = await readdir(rig.extracted, { recursive: true });
  expect(files.filter((name) => basename(name).startsWith('.wavspool-'))).toEqual([]);
}

test('a disk that is full to the last byte, while recordings are written, rows committed and lines logged', async () => {
  await using disk = await mountSmallDisk(160);
  const incoming = join(LANDING, 'full');
  await mkdir(incoming, { recursive: true });
  await using rig = await rigOn(disk, incoming);
  await rig.land('a.tar', tarOf('a', 20, 200_000));
  await rig.settled(20);
  const ballast = await fillDisk(disk.path);
  await rig.land('b.tar', tarOf('b', 60, 200_000));
  await new Promise((resolve) => setTimeout(resolve, 8000));
  await rm(ballast);
  await rig.land('c.tar', tarOf('c', 20, 200_000));
  await expectWhole(rig, 100);
  expect((await rig.log()).length).toBeLessThan(500_000); // it says what is wrong, not ten thousand times
  await rm(incoming, { recursive: true });
});

test('less than extract.minFreeBytes: extraction waits loudly, and goes on when there is room', async () => {
  await using disk = await mountSmallDisk(120);
  const incoming = join(LANDING, 'little');
  await mkdir(incoming, { recursive: true });
  const extract = { minFreeBytes: '80MiB' };
  await using rig = await rigOn(disk, incoming, { extract }, { together: true });
  const room = join(disk.path, 'something');
  await writeFile(room, Buffer.alloc(60 * 1024 * 1024));
  await rig.land('a.tar', tarOf('a', 10, 100_000));
  await until('it says that it waits', async () => (await rig.log()).includes('extraction waits'));
  expect(await rig.rows('SELECT * FROM extracted_tars')).toEqual([]);
  await rm(room);
  await expectWhole(rig, 10);
  await rm(incoming, { recursive: true });
});

test('no inodes: extraction waits, and goes on when there are some', async () => {
  await using disk = await mountSmallDisk(160, 6000);
  const incoming = join(LANDING, 'inodes');
  await mkdir(incoming, { recursive: true });
  await using rig = await rigOn(disk, incoming, {}, { together: true });
  const many = join(disk.path, 'many');
  await mkdir(many);
  const { ffree } = await statfs(disk.path);
  await Promise.all(Array.from({ length: ffree - 700 }, (_, i) => writeFile(join(many, String(i)), '')));
  await rig.land('a.tar', tarOf('a', 10, 1000));
  await until('it says that it waits', async () => (await rig.log()).includes('inodes left'));
  await rm(many, { recursive: true });
  await expectWhole(rig, 10);
  await rm(incoming, { recursive: true });
});

test('extraction waits while the backlog exceeds extract.maxBacklog', async () => {
  const extract = { maxBacklog: { recordings: 30 } };
  await using rig = await startRig(undefined, { extract }, { together: true });
  await rig.wavspool('pause', 'upload', '--reason', 'test');
  for (let tar = 0; tar < 6; tar++) await rig.land(`${tar}.tar`, tarOf(String(tar), 20, 1000));
  await until('it says that it waits', async () =>
    (await rig.log()).includes('extract.maxBacklog.recordings'),
  );
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const [row] = await rig.rows('SELECT count(*) AS n FROM extracted_tars');
  expect(Number(row?.['n'])).toBeLessThan(6);
  await rig.wavspool('resume', 'upload');
  await expectWhole(rig, 120);
});
