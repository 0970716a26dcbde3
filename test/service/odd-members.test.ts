import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openBench, type ExtractionBench } from '../support/extraction.ts';
import { BLOCK, makeTar, memberBlocks, type MadeMember } from '../support/tars.ts';

// What other programs put into tars, and what must not get out of them, on a real disk.

let bench: ExtractionBench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench[Symbol.asyncDispose]());

const bytes = (seed: string): Buffer => Buffer.from(`RIFF ${seed.repeat(50)}`);
const wav = (name: string, seed = name): MadeMember => ({ name, body: bytes(seed) });
const link = (name: string, linkname: string): MadeMember => ({ name, type: '1', linkname });
const sha = (seed: string): string => createHash('sha256').update(bytes(seed)).digest('hex');

/** A name of so many bytes. */
const named = (at: number, bytesOfName: number): string =>
  `${'d'.repeat(200)}/`.repeat(Math.floor(bytesOfName / 201)) + at;

/** What state.db takes up. */
async function stateBytes(): Promise<number> {
  const directory = join(bench.root, 'state');
  const files = await readdir(directory);
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(directory, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function extracted(...members: readonly MadeMember[]) {
  const outcome = await bench.extract(await bench.land('day/a.tar', makeTar(members)));
  const refused = outcome.rows.filter(({ status }) => status === 'FAILED').map((row) => row.errorMessage);
  return { ...outcome, refused, files: await bench.files() };
}

describe('hard links to members of the same tar are their bytes', () => {
  test('also of one that is a link itself, behind a leading slash, or in another directory', async () => {
    const { refused, files } = await extracted(
      wav('/q/a.wav', '1'),
      link('agent/a.wav', '/q/a.wav'),
      link('./b.wav', 'agent/a.wav'),
    );
    expect(refused).toEqual([]);
    expect(files).toEqual({ 'day/q/a.wav': sha('1'), 'day/agent/a.wav': sha('1'), 'day/b.wav': sha('1') });
    const { nlink } = await stat(join(bench.extracted, 'day/b.wav'));
    expect(nlink).toBe(1); // P8: a copy, no link
  });

  test('of two members of one name it is the last one before the link', async () => {
    const { files } = await extracted(
      wav('a.wav', '1'),
      link('l1.wav', 'a.wav'),
      wav('a.wav', '2'),
      link('l2.wav', 'a.wav'),
    );
    expect(files).toMatchObject({ 'day/l1.wav': sha('1'), 'day/l2.wav': sha('2') });
  });

  test('also of one that is no recording by its name', async () => {
    const { refused, files } = await extracted(
      wav('a.tmp', '1'),
      link('a.wav', 'a.tmp'),
      wav('a.tmp', '2'),
      link('b.wav', 'a.tmp'),
    );
    expect(refused).toEqual([]);
    expect(files).toEqual({ 'day/a.wav': sha('1'), 'day/b.wav': sha('2') });
  });

  test('what does not stand before the link is refused, and costs the others nothing', async () => {
    const { refused, files } = await extracted(
      link('out.wav', '../../canary.wav'),
      link('later.wav', 'a.wav'),
      wav('a.wav'),
    );
    expect(refused).toHaveLength(2);
    expect(refused.join()).toContain('does not stand before it in the tar');
    expect(files).toEqual({ 'day/a.wav': sha('a.wav') });
  });

  test('a link to itself and a volume label are no failure', async () => {
    const { refused, rows } = await extracted(
      { name: 'tape.wav', type: 'V' },
      wav('a.wav'),
      link('a.wav', './a.wav'),
      { name: 'b.wav', type: '2', linkname: 'b.wav' },
    );
    expect(refused).toEqual([]);
    expect(rows).toHaveLength(1);
  });

  test('they count against the limits', async () => {
    bench.limits.maxTotalBytes = 3 * bytes('a.wav').length;
    const links = Array.from({ length: 4 }, (_, at) => link(`${at}.wav`, 'a.wav'));
    const { fault, files } = await extracted(wav('a.wav'), ...links);
    expect(fault).toBe('TAR_TOO_LARGE');
    expect(files).toEqual({});
  });
});

test('leading slashes and drive letters lose no recording', async () => {
  const { refused, files } = await extracted(
    wav('//var/a.wav'),
    wav('C:/x/b.wav'),
    wav('C:\\c.wav'),
    wav('q:1001.wav'),
  );
  expect(refused).toEqual([]);
  expect(Object.keys(files).toSorted()).toEqual(
    ['day/C:/x/b.wav', 'day/C:\\c.wav', 'day/q:1001.wav', 'day/var/a.wav'].toSorted(),
  );
});

test('AppleDouble files are skipped; a recording that is only named so is not', async () => {
  const double = Buffer.from('00051607000200004d6163204f532058', 'hex');
  const { files, rows } = await extracted(
    { name: '._a.wav', body: double },
    { name: '__MACOSX/x/a.wav', body: double },
    { name: '._empty.wav' },
    wav('._b.wav'),
  );
  expect(rows).toHaveLength(1);
  expect(files).toEqual({ 'day/._b.wav': sha('._b.wav') });
  expect(bench.reported.find(({ event }) => event === 'tar extracted')?.fields).toMatchObject({
    skippedNames: ['._a.wav', '__MACOSX/x/a.wav', '._empty.wav'],
    skippedReasons: Array.from({ length: 3 }, () => expect.stringContaining('AppleDouble')),
  });
});

describe('names that are kept for wavspool itself', () => {
  test.each([
    '.receipts/x.wav',
    'a/.receipts/x.wav',
    '.altered/x.wav',
    '.wavspool-x/a.wav',
    '/.receipts/x.wav',
  ])('no member can take %s', async (name) => {
    const { refused, files } = await extracted(wav(name), wav('a.wav'));
    expect(refused[0]).toContain('keeps for itself');
    expect(Object.keys(files)).toEqual(['day/a.wav']);
  });

  test.each(['.receipts/a.tar', 'x/.altered/a.tar', '.receipts.tar', '.wavspool-a.tar.gz'])(
    'no tar can: %s',
    async (name) => {
      const { fault } = await bench.extract(await bench.land(name, makeTar([wav('a.wav')])));
      expect(fault).toBe('TAR_NAME_RESERVED');
      expect(await readdir(bench.extracted)).toEqual([]);
    },
  );
});

test('P8: a tar that is not below the landing directory is refused before anything is written', async () => {
  const outside = join(bench.root, 'data', 'a.tar');
  await writeFile(outside, makeTar([wav('a.wav')]));
  const around = await readdir(bench.root, { recursive: true });
  expect((await bench.extract(outside)).fault).toBe('TAR_OUTSIDE');
  expect((await bench.extract(`${bench.incoming}/../data/a.tar`)).fault).toBe('TAR_OUTSIDE');
  expect(await readdir(bench.root, { recursive: true })).toEqual(around);
});

test.each(['the directory', 'a directory above it', 'the tar'])(
  'P13: no private tar is read when %s is swapped for a link',
  async (what) => {
    const secret = join(bench.root, 'private', 'sub');
    await mkdir(secret, { recursive: true });
    await writeFile(join(secret, 'a.tar'), makeTar([wav('secret.wav')]));
    const path = await bench.land('user/sub/a.tar', makeTar([wav('secret.wav')]));
    const swapped = {
      'the directory': 'user/sub',
      'a directory above it': 'user',
      'the tar': 'user/sub/a.tar',
    }[what]!;
    const target = {
      'the directory': secret,
      'a directory above it': join(bench.root, 'private'),
      'the tar': join(secret, 'a.tar'),
    }[what]!;
    await rename(join(bench.incoming, swapped), join(bench.root, 'aside'));
    await symlink(target, join(bench.incoming, swapped));
    const { fault } = await bench.extract(path);
    expect(fault).toBe('FILE_UNREADABLE');
    expect(await bench.files()).toEqual({});
    await rm(join(bench.incoming, swapped));
  },
);

describe('limits count before they cost', () => {
  test('refused members have rows while there are few, and one row for the rest', async () => {
    const members = Array.from({ length: 5000 }, (_, at): MadeMember => ({ name: `../${at}.wav` }));
    const { fault, rows } = await extracted(...members, wav('a.wav'));
    expect(fault).toBe(undefined);
    expect(rows.filter(({ status }) => status === 'PENDING')).toHaveLength(1);
    const failed = rows.filter(({ status }) => status === 'FAILED');
    expect(failed).toHaveLength(1001);
    expect(failed.find(({ member }) => member === '(more)')?.errorMessage).toContain('4000 more members');
  });

  test('a small tar of long refused names does not fill state.db', async () => {
    const tar = gzipSync(
      makeTar(Array.from({ length: 10_000 }, (_, at) => ({ name: `../${named(at, 2800)}.wav` }))),
    );
    expect(tar.length).toBeLessThan(1024 * 1024);
    expect((await bench.extract(await bench.land('a.tar.gz', tar))).fault).toBe(undefined);
    expect(await stateBytes()).toBeLessThan(16 * 1024 * 1024); // 100 MB in names
  });

  test('nor does one of long names that are taken', async () => {
    const tar = gzipSync(
      makeTar(Array.from({ length: 1000 }, (_, at) => ({ name: `${named(at, 2800)}.wav` }))),
    );
    bench.limits.maxEntries = 10_000;
    const { fault, message } = await bench.extract(await bench.land('a.tar.gz', tar));
    expect([fault, message]).toEqual(['TAR_TOO_LARGE', expect.stringContaining('the names in it')]);
    expect(await bench.files()).toEqual({});
  });
});

test('a tar that could never fit has failed, and is not tried for ever', async () => {
  const huge = Buffer.concat([
    memberBlocks({
      name: 'a.wav',
      edit: (header) => void Buffer.from([0x80, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0, 0]).copy(header, 124),
    }),
    Buffer.alloc(BLOCK),
  ]);
  bench.limits.maxEntryBytes = 2 ** 52;
  bench.limits.maxTotalBytes = 2 ** 52;
  const { fault, message } = await bench.extract(await bench.land('never.tar', huge));
  expect([fault, message]).toEqual(['TAR_TOO_LARGE', expect.stringContaining('bytes in all')]);
});

test('oddities of a tar that was taken are noted', async () => {
  const tar = Buffer.concat([
    memberBlocks(wav('a.wav')),
    Buffer.alloc(BLOCK),
    memberBlocks(wav('b.wav')),
    Buffer.alloc(BLOCK),
  ]);
  expect((await bench.extract(await bench.land('a.tar', tar))).fault).toBe(undefined);
  expect(bench.reported.find(({ event }) => event === 'tar extracted')?.fields).toMatchObject({
    sha256: createHash('sha256').update(tar).digest('hex'),
    recordings: 2,
    notes: ['it ends with one zero block', '1 stray zero blocks stand between its members'],
  });
});
