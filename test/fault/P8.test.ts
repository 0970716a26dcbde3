import { createHash, randomBytes } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { proveComplete } from '../../src/platform/tar/index.ts';
import { openBench, type ExtractionBench } from '../support/extraction.ts';
import { extractAndJudge } from '../support/judge-extraction.ts';
import { startOracle, type TarOracle } from '../support/tar-oracle.ts';
import { BLOCK, makeTar, memberBlocks, paxRecords, type MadeMember } from '../support/tars.ts';

// P8: extraction is safe. Every kind of tar that could do harm runs through the real extraction, and Python's tarfile says
// independently what is in it.

let bench: ExtractionBench;
let oracle: TarOracle;
beforeAll(() => {
  oracle = startOracle();
});
afterAll(() => oracle[Symbol.asyncDispose]());
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => bench[Symbol.asyncDispose]());

const body = (): Buffer => randomBytes(700);
const good: MadeMember = { name: 'good.wav', body: Buffer.from('a good recording') };
const sizeField = (text: string) => (header: Buffer) => {
  header.write(text, 124, 'latin1');
};
const binarySize = (bytes: readonly number[]) => (header: Buffer) => {
  Buffer.from([0x80, ...Array.from({ length: 11 - bytes.length }, () => 0), ...bytes]).copy(header, 124);
};

const HOSTILE: readonly (readonly [string, readonly MadeMember[], { taken: number; refused: number }])[] = [
  ['".." at the start', [{ name: '../x.wav', body: body() }], { taken: 0, refused: 1 }],
  ['".." in the middle', [{ name: 'a/../../x.wav', body: body() }], { taken: 0, refused: 1 }],
  ['".." with backslashes', [{ name: 'a\\..\\..\\x.wav', body: body() }], { taken: 0, refused: 1 }],
  ['an absolute path', [{ name: '/tmp/x.wav', body: body() }], { taken: 1, refused: 0 }],
  ['a drive letter', [{ name: 'C:/x.wav', body: body() }], { taken: 1, refused: 0 }],
  [
    'a NUL that hides what follows',
    [{ name: 'a', pax: { path: 'x.wav\0.txt' }, body: body() }],
    { taken: 0, refused: 1 },
  ],
  ['a line feed in a name', [{ name: 'a\nb.wav', body: body() }], { taken: 0, refused: 1 }],
  ['dots and empty parts', [{ name: './././/a//./x.wav', body: body() }], { taken: 1, refused: 0 }],
  ['a symbolic link', [{ name: 'x.wav', type: '2', linkname: '/etc/passwd' }], { taken: 0, refused: 1 }],
  ['a hard link', [{ name: 'x.wav', type: '1', linkname: '../../canary.wav' }], { taken: 0, refused: 1 }],
  [
    'a link to a directory and a member through it',
    [
      { name: 'd', type: '2', linkname: '../..' },
      { name: 'd/canary.wav', body: body() },
    ],
    { taken: 1, refused: 0 },
  ],
  [
    'a chain of links and a member through it',
    [
      { name: 'a', type: '2', linkname: 'b' },
      { name: 'b', type: '2', linkname: '/tmp' },
      { name: 'a/x.wav', body: body() },
    ],
    { taken: 1, refused: 0 },
  ],
  ['a character device', [{ name: 'x.wav', type: '3' }], { taken: 0, refused: 1 }],
  ['a block device', [{ name: 'x.wav', type: '4' }], { taken: 0, refused: 1 }],
  ['a named pipe', [{ name: 'x.wav', type: '6' }], { taken: 0, refused: 1 }],
  ['an unknown type', [{ name: 'x.wav', type: 'Z', body: body() }], { taken: 0, refused: 1 }],
  [
    'a sparse member',
    [{ name: 'x.wav', pax: { 'GNU.sparse.major': '1', 'GNU.sparse.name': 'x.wav' }, body: body() }],
    { taken: 0, refused: 1 },
  ],
  [
    'a long name',
    [{ name: `${'d/'.repeat(20)}${'n'.repeat(200)}.wav`, body: body() }],
    { taken: 1, refused: 0 },
  ],
  [
    'a PAX path',
    [{ name: 'short', pax: { path: 'längerer/Name.wav' }, body: body() }],
    { taken: 1, refused: 0 },
  ],
  [
    'a PAX path that leads out',
    [{ name: 'short.wav', pax: { path: '../../x.wav' }, body: body() }],
    { taken: 0, refused: 1 },
  ],
  [
    'a name of 256 bytes',
    [{ name: 'x', pax: { path: `${'n'.repeat(252)}.wav` }, body: body() }],
    { taken: 0, refused: 1 },
  ],
  [
    'a path of 33 levels',
    [{ name: 'x', pax: { path: `${'d/'.repeat(33)}x.wav` }, body: body() }],
    { taken: 0, refused: 1 },
  ],
  [
    'a name that is not UTF-8',
    [{ name: Buffer.from([0x66, 0xe9, 0xff, 0x2e, 0x77, 0x61, 0x76]), body: body() }],
    { taken: 1, refused: 0 },
  ],
  [
    'names that differ in case',
    [
      { name: 'x.wav', body: body() },
      { name: 'X.WAV', body: body() },
    ],
    { taken: 2, refused: 0 },
  ],
  [
    'the same name with other bytes',
    [
      { name: 'x.wav', body: body() },
      { name: 'x.wav', body: body() },
    ],
    { taken: 2, refused: 0 },
  ],
  [
    'a size in base 256',
    [{ name: 'x.wav', body: body(), edit: binarySize([2, 0xbc]) }],
    { taken: 1, refused: 0 },
  ],
  [
    'a name that looks like our own temporary file',
    [{ name: '.wavspool-x.wav', body: body() }],
    { taken: 0, refused: 1 },
  ],
];

test.each(HOSTILE)(
  '%s harms nothing outside, and loses nothing inside',
  async (_, members, { taken, refused }) => {
    const path = await bench.land('2026/a.tar', makeTar([...members, good]));
    const { fault, rows } = await extractAndJudge(bench, path, await oracle.ask(path));
    expect(fault).toBe(undefined);
    expect(rows.filter(({ status }) => status === 'PENDING')).toHaveLength(taken + 1);
    expect(rows.filter(({ status }) => status === 'FAILED')).toHaveLength(refused);
    for (const row of rows.filter(({ status }) => status === 'FAILED'))
      expect(row.errorMessage).toContain('refused');
  },
);

const TAR = makeTar([
  good,
  { name: 'b.wav', body: Buffer.alloc(1300, 'b') },
  { name: 'c.txt', body: Buffer.alloc(10) },
]);
const global = (records: Readonly<Record<string, string>>): Buffer =>
  memberBlocks({ name: 'g', type: 'g', body: paxRecords(records) });

test.each([
  ['an empty file', Buffer.alloc(0), 'TAR_INCOMPLETE'],
  ['a file that is no tar', randomBytes(20_000), 'TAR_CORRUPT'],
  ['a text', Buffer.from('this is no tar\n'.repeat(100)), 'TAR_CORRUPT'],
  ['garbage far behind the end', Buffer.concat([TAR, randomBytes(20_000)]), 'TAR_CORRUPT'],
  ['two tars in a row', Buffer.concat([TAR, TAR]), 'TAR_CORRUPT'],
  [
    'a negative size',
    makeTar([{ ...good, edit: (header) => Buffer.alloc(12, 0xff).copy(header, 124) }]),
    'TAR_CORRUPT',
  ],
  [
    'a size beyond every file',
    makeTar([{ ...good, edit: binarySize([0x7f, 255, 255, 255, 255, 255, 255, 255]) }]),
    'TAR_CORRUPT',
  ],
  ['a size that is no number', makeTar([{ ...good, edit: sizeField('99999999999\0') }]), 'TAR_CORRUPT'],
  ['a size larger than the tar', makeTar([{ ...good, edit: sizeField('00007777777\0') }]), 'TAR_INCOMPLETE'],
  ['a PAX size that is a lie', makeTar([{ ...good, pax: { size: '99999999' } }]), 'TAR_INCOMPLETE'],
  [
    'a PAX header that is none',
    Buffer.concat([memberBlocks({ name: 'x', type: 'x', body: Buffer.from('nonsense') }), TAR]),
    'TAR_CORRUPT',
  ],
  [
    'a hole of zeros',
    Buffer.concat([TAR.subarray(0, 2 * BLOCK), Buffer.alloc(2 * BLOCK), TAR.subarray(2 * BLOCK)]),
    'TAR_CORRUPT',
  ],
  ['gzip with garbage behind it', Buffer.concat([gzipSync(TAR), randomBytes(100)]), 'TAR_CORRUPT'],
  ['gzip in gzip', gzipSync(gzipSync(makeTar([{ name: 'x.wav', body: body() }]))), 'TAR_CORRUPT'],
])('%s is a bad tar, and leaves nothing', async (_, tar, expected) => {
  const path = await bench.land('a.tar', tar);
  expect((await extractAndJudge(bench, path, undefined)).fault).toBe(expected);
});

test('a global header names no member', async () => {
  const path = await bench.land('a.tar', Buffer.concat([global({ comment: 'x', mtime: '0' }), TAR]));
  expect((await extractAndJudge(bench, path, await oracle.ask(path))).rows).toHaveLength(2);
});

describe('a bomb is stopped by its limit, and leaves nothing', () => {
  const MIB = 1024 * 1024;
  const zeros = makeTar([{ name: 'bomb.wav', body: Buffer.alloc(200 * MIB) }]);
  test.each([
    ['gzip', 'maxTotalBytes', gzipSync(zeros)],
    ['zstd', 'maxTotalBytes', zstdCompressSync(zeros)],
    ['gzip', 'maxEntryBytes', gzipSync(zeros)],
  ] as const)('%s, %s', async (_, limit, tar) => {
    bench.limits[limit] = 5 * MIB;
    const path = await bench.land('a.tar', tar);
    const before = process.memoryUsage().rss;
    const { fault, message } = await extractAndJudge(bench, path, undefined);
    expect([fault, message]).toEqual(['TAR_TOO_LARGE', expect.stringContaining(`extract.${limit}`)]);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * MIB);
  });
  test('too many members', async () => {
    bench.limits.maxEntries = 100;
    const path = await bench.land(
      'a.tar',
      gzipSync(makeTar(Array.from({ length: 101 }, (_, i) => ({ name: `${i}.txt` })))),
    );
    expect((await extractAndJudge(bench, path, undefined)).fault).toBe('TAR_TOO_LARGE');
  });
  test('the disk would be filled: it waits, and leaves nothing', async () => {
    bench.limits.minFreeBytes = Number.MAX_SAFE_INTEGER;
    const path = await bench.land('a.tar', TAR);
    expect((await bench.extract(path)).fault).toBe('DISK_FULL');
    expect(await bench.files()).toEqual({});
  });
});

describe('whatever is done to a tar, it is extracted right or not at all', () => {
  const name = fc.oneof(
    fc.constantFrom('a.wav', 'd/b.wav', 'c.WAV', '../e.wav', '/f.wav', 'g.txt', 'd/', 'h\\i.wav', 'ü.wav'),
    fc.string({ minLength: 1, maxLength: 40 }).map((text) => `${text.replaceAll(/[\0\n]/g, '_')}.wav`),
  );
  const member = fc.record({
    name,
    body: fc.uint8Array({ maxLength: 1500 }).map((bytes) => Buffer.from(bytes)),
    type: fc.constantFrom('0', '0', '0', '0', '1', '2', '5', '7', 'S', 'x'),
  });
  const archive = fc.array(member, { maxLength: 5 });
  const packed = fc.constantFrom((tar: Buffer) => tar, gzipSync, zstdCompressSync);
  let n = 0;
  /** A link that brings its bytes along; as signed numbers they make the checksum of a header without one. */
  const linkWithOddBytes = {
    name: ' .wav',
    body: Buffer.from([128, 102, 192, 33, 154, 182, 32, 201]),
    type: '1' as const,
  };

  test('as it is', async () => {
    await fc.assert(
      fc.asyncProperty(archive, packed, async (members, pack) => {
        const path = await bench.land(`${n++}/a.tar`, pack(makeTar(members)));
        await extractAndJudge(bench, path, await oracle.ask(path));
      }),
      { numRuns: 150, examples: [[[linkWithOddBytes], (tar) => tar]] },
    );
  });

  test('cut anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        archive,
        packed,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        async (members, pack, at) => {
          const whole = pack(makeTar(members));
          const path = await bench.land(`${n++}/a.tar`, whole.subarray(0, Math.floor(whole.length * at)));
          const proof = await proveComplete(path);
          const { fault } = await extractAndJudge(bench, path, undefined);
          if (proof.kind === 'incomplete' && proof.ending === 'one zero block') return;
          expect(fault).toMatch(/TAR_INCOMPLETE|TAR_CORRUPT/);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('with a bit flipped anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(archive, fc.nat(), fc.nat(7), async (members, at, bit) => {
        const tar = makeTar(members);
        const index = at % tar.length;
        tar[index] = (tar[index] ?? 0) ^ (1 << bit);
        const path = await bench.land(`${n++}/a.tar`, tar);
        await extractAndJudge(bench, path, await oracle.ask(path));
      }),
      { numRuns: 250 },
    );
  });
});

test('a recording’s row says what the oracle computed', async () => {
  const path = await bench.land('a.tar', TAR);
  const { files } = await oracle.ask(path);
  const { rows } = await extractAndJudge(bench, path, { ok: true, files });
  const [first] = files;
  expect(rows[0]?.sha256).toBe(first?.sha256);
  expect(rows[0]?.sha256).toBe(createHash('sha256').update('a good recording').digest('hex'));
});
