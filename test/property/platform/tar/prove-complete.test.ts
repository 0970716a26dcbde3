import { closeSync, ftruncateSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { proveBelow, proveComplete, readTar } from '../../../../src/platform/tar/index.ts';
import {
  BLOCK,
  makeTar,
  memberBlocks,
  paxRecords,
  sealHeader,
  writeBigTar,
  type MadeMember,
} from '../../../support/tars.ts';
import { readAll, scratchDirectory, verdictOf } from '../../../support/tar-cases.ts';

const directory = scratchDirectory();
const path = join(directory, 'a.tar');

const MEMBERS: readonly MadeMember[] = [
  { name: 'd/', type: '5' },
  { name: 'd/a.wav', body: Buffer.alloc(1300, 'a') },
  { name: `d/${'l'.repeat(200)}.wav`, body: Buffer.alloc(512, 'b') },
  { name: 'd/c.wav', body: Buffer.alloc(1, 'c'), pax: { path: 'd/ç.wav' } },
  { name: 'd/empty.wav' },
];
const TAR = makeTar(MEMBERS);
/** A zstd frame that holds other data than the tar. */
function skippable(bytes: number): Buffer {
  const frame = Buffer.alloc(8 + bytes, 7);
  frame.writeUInt32LE(0x184d2a50, 0);
  frame.writeUInt32LE(bytes, 4);
  return frame;
}

const RECORD = 20 * BLOCK;
const lone = (next: Buffer): Buffer =>
  Buffer.concat([memberBlocks({ name: 'a', body: Buffer.from('a') }), Buffer.alloc(BLOCK), next]);

const WHOLE = { kind: 'complete', members: 5, bytes: 1813 } as const;

describe('a tar is complete', () => {
  test.each([
    ['plain', TAR],
    ['gzip', gzipSync(TAR)],
    ['zstd', zstdCompressSync(TAR)],
    ['with zeros behind its end', Buffer.concat([TAR, Buffer.alloc(10_240 + 7)])],
    ['with zeros behind the gzip stream', Buffer.concat([gzipSync(TAR), Buffer.alloc(700_000)])],
    ['in several gzip members', Buffer.concat([gzipSync(TAR.subarray(0, 777)), gzipSync(TAR.subarray(777))])],
    [
      'in several zstd frames',
      Buffer.concat([zstdCompressSync(TAR.subarray(0, 777)), zstdCompressSync(TAR.subarray(777))]),
    ],
  ])('%s', async (_, tar) => {
    expect(await verdictOf(path, tar)).toEqual(WHOLE);
  });

  test('without members', async () => {
    expect(await verdictOf(path, makeTar([]))).toEqual({ kind: 'complete', members: 0, bytes: 0 });
  });
});

describe('P1: a tar that was cut is never complete', () => {
  test('neither at the edge of a block nor anywhere between', async () => {
    const step = 97; // coprime to the block size; the boundaries and their neighbours besides
    for (let length = 0; length < TAR.length; length += 1) {
      if (length % step !== 0 && ![0, 1, BLOCK - 1].includes(length % BLOCK)) continue;
      expect(await verdictOf(path, TAR.subarray(0, length))).toMatchObject({ kind: 'incomplete' });
    }
  });

  test.each([
    ['gzip', [gzipSync(TAR.subarray(0, 4096)), gzipSync(TAR.subarray(4096))]],
    ['zstd', [zstdCompressSync(TAR.subarray(0, 4096)), zstdCompressSync(TAR.subarray(4096))]],
    [
      'zstd with checksums',
      [TAR.subarray(0, 4096), TAR.subarray(4096)].map((part) =>
        zstdCompressSync(part, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
      ),
    ],
    ['zstd that skips a frame', [skippable(300), zstdCompressSync(TAR), skippable(0), skippable(40)]],
  ])('nor anywhere in several %s streams', async (_, parts) => {
    const whole = Buffer.concat(parts);
    expect(await verdictOf(path, whole)).toEqual(WHOLE);
    const last = parts.at(-1) ?? whole;
    // where the tar's own end is reached before the cut, nothing but the frames can tell
    for (let length = whole.length - Math.min(last.length, 300); length < whole.length; length += 1) {
      if (length === whole.length - last.length && last[0] === 0x50) continue; // whole without the frame that is skipped
      expect(await verdictOf(path, whole.subarray(0, length)), `${length}`).toMatchObject({
        kind: 'incomplete',
      });
    }
  });

  test.each([
    ['gzip', gzipSync(TAR)],
    ['zstd', zstdCompressSync(TAR)],
  ])('at no byte of its %s stream', async (_, tar) => {
    for (let length = 0; length < tar.length; length += 1) {
      expect(await verdictOf(path, tar.subarray(0, length))).toMatchObject({ kind: 'incomplete' });
    }
  });

  test('between two gzip members', async () => {
    expect(await verdictOf(path, gzipSync(TAR.subarray(0, BLOCK)))).toMatchObject({ kind: 'incomplete' });
  });

  test('the message says where, what was expected and after how many members', async () => {
    expect(await verdictOf(path, TAR.subarray(0, 2000))).toEqual({
      kind: 'incomplete',
      reason: `${path}: at byte 2000, after 1 member: the tar ends, expected: 324 more bytes of a member`,
    });
  });

  test('a few zeros behind the two zero blocks may be missing', async () => {
    const padded = Buffer.concat([TAR, Buffer.alloc(9 * BLOCK)]);
    for (let length = TAR.length; length <= padded.length; length += 100) {
      expect(await verdictOf(path, padded.subarray(0, length))).toEqual(WHOLE);
    }
  });
});

const withSize = (field: string) => (header: Buffer) => {
  header.write(field, 124, 'latin1');
};
const sized = (field: string) => makeTar([{ name: 'a', edit: withSize(field) }]);
const badPax = (text: string) => makeTar([{ name: 'x', type: 'x', body: Buffer.from(text) }, { name: 'a' }]);

describe('a tar is corrupt', () => {
  const hole = Buffer.from(TAR).fill(0, 512, 4096);
  const badCrc = gzipSync(TAR);
  badCrc.writeUInt32LE(1, badCrc.length - 8);
  const zeroPax = makeTar([{ name: 'x', type: 'x', body: Buffer.alloc(1024 * 1024 + 1) }]);
  const smallPax = { name: 'x', type: 'x', body: paxRecords({ comment: 'c' }) };
  const global = { ...smallPax, type: 'g' };
  test.each([
    ['with a hole of zeros', hole, 'only zeros were expected'],
    ['with a zero block before what is no header', lone(Buffer.alloc(BLOCK, 'x')), 'a single zero block'],
    ['concatenated to another', Buffer.concat([TAR, TAR]), 'data behind the end marker'],
    [
      'with one odd byte behind the record of its end',
      Buffer.concat([TAR, Buffer.alloc(RECORD - TAR.length), Buffer.from('\0\0x')]),
      `at byte ${RECORD + 2}`,
    ],
    ['that is text', Buffer.alloc(5000, 'not a tar at all. '), 'not a tar header'],
    ['with a negative size', sized('\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff'), 'size'],
    ['with an astronomic size', sized('\x80\x00\x00\x00\x01\0\0\0\0\0\0\0'), 'size'],
    ['with nonsense for a size', sized('12z45678901\0'), 'size'],
    ['with a wrong gzip checksum', badCrc, 'incorrect data check'],
    ['with data behind gzip', Buffer.concat([gzipSync(TAR), Buffer.from('hello')]), 'incorrect header check'],
    [
      'with data behind the zeros behind gzip',
      Buffer.concat([gzipSync(TAR), Buffer.alloc(9), Buffer.from('x')]),
      'gzip',
    ],
    ['with data behind zstd', Buffer.concat([zstdCompressSync(TAR), Buffer.from('hello')]), 'zstd'],
    ['with a PAX header of zeros', zeroPax, 'length key=value'],
    ['with endless PAX records', badPax('6 a=b\n'.repeat(65_537)), 'more than 65536 records'],
    [
      'with an endless long name',
      makeTar([{ name: 'x', type: 'L', body: Buffer.alloc(70_000, 'n') }]),
      'a name of',
    ],
    ['that is a zip archive', Buffer.from(`PK\x03\x04${'z'.repeat(600)}`), 'a zip archive'],
    ['that is a cpio archive (newc)', Buffer.from(`070701${'0'.repeat(600)}`), 'a cpio archive'],
    ['that is a cpio archive (crc)', Buffer.from(`070702${'0'.repeat(600)}`), 'a cpio archive'],
    ['that is a cpio archive (odc)', Buffer.from(`070707${'0'.repeat(600)}`), 'a cpio archive'],
    ['that is an old cpio archive', Buffer.from(`c771${'00'.repeat(600)}`, 'hex'), 'a cpio archive'],
    ['that is a short xz file', Buffer.from('fd377a585a0000', 'hex'), 'compressed by xz'],
    ['with nothing but PAX headers', makeTar(Array.from({ length: 65 }, () => smallPax)), 'at most 64'],
    ['with nothing but global headers', makeTar(Array.from({ length: 65 }, () => global)), 'at most 64'],
    ['with a name that no file has', makeTar([{ name: 'n'.repeat(65_537) }]), 'a name of 65537 bytes'],
    ['with such a name in PAX', makeTar([{ name: 'n', pax: { path: 'n'.repeat(65_537) } }]), 'at most 65536'],
    [
      'with an extended header and no member',
      makeTar([{ name: 'x', type: 'L', body: Buffer.from('n') }]),
      'no member',
    ],
    ['with a PAX record of no length', badPax('path=x\n'), 'length key=value'],
    ['with a PAX record that is too long', badPax('99 path=x\n'), 'length key=value'],
    ['with a PAX record of length 0', badPax('0 path=x\n'), 'length key=value'],
    ['with a negative PAX size', badPax('11 size=-1\n'), 'length key=value'],
  ])('%s', async (_, tar, reason) => {
    expect(await verdictOf(path, tar)).toEqual({ kind: 'corrupt', reason: expect.stringContaining(reason) });
  });
});

test('a flipped bit in a header is found', async () => {
  const [first] = [memberBlocks({ name: 'a.wav', body: Buffer.alloc(700, 'x') })];
  const tar = Buffer.concat([first, TAR]);
  await fc.assert(
    fc.asyncProperty(fc.nat(BLOCK - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const damaged = Buffer.from(tar);
      damaged[at] = damaged[at]! ^ flip;
      const verdict = await verdictOf(path, damaged);
      // the checksum's own field has spare bytes behind its digits, and an equal number can be spelt twice
      if (verdict.kind === 'complete') expect(at >= 148 && at < 156).toBe(true);
      else expect(verdict.kind).toBe('corrupt');
    }),
    { numRuns: 300 },
  );
});

test('a header that is damaged and sealed again never does more than end the reading', async () => {
  const edits = fc.array(fc.tuple(fc.nat(BLOCK - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.nat(TAR.length / BLOCK - 1), edits, async (block, changes) => {
      const damaged = Buffer.from(TAR);
      const header = damaged.subarray(block * BLOCK, (block + 1) * BLOCK);
      for (const [at, value] of changes) header[at] = value;
      sealHeader(header);
      expect(['complete', 'incomplete', 'corrupt']).toContain((await verdictOf(path, damaged)).kind);
    }),
    { numRuns: 300 },
  );
});

test('no bytes make it throw', async () => {
  const magic = fc.constantFrom('', '1f8b08', '28b52ffd', '502a4d18');
  await fc.assert(
    fc.asyncProperty(magic, fc.uint8Array({ maxLength: 3000 }), async (start, bytes) => {
      const verdict = await verdictOf(path, Buffer.concat([Buffer.from(start, 'hex'), bytes]));
      expect(verdict.kind).not.toBe('complete');
    }),
    { numRuns: 200 },
  );
});

describe('what is not about the tar itself is thrown', () => {
  test('a missing tar', async () => {
    const missing = join(directory, 'missing.tar');
    await expect(proveComplete(missing)).rejects.toMatchObject({ code: 'TAR_MISSING' });
    await expect(readAll(missing)).rejects.toMatchObject({ code: 'TAR_MISSING' });
  });

  test('a directory', async () => {
    await expect(proveComplete(directory)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    await expect(readAll(directory)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });

  test('a tar behind a link below the landing directory: it is not followed, to the last part', async () => {
    const elsewhere = join(directory, 'elsewhere');
    const landing = join(directory, 'landing');
    mkdirSync(elsewhere);
    mkdirSync(landing);
    writeFileSync(join(elsewhere, 'a.tar'), TAR);
    symlinkSync(elsewhere, join(landing, 'directory'));
    symlinkSync(join(elsewhere, 'a.tar'), join(landing, 'a.tar'));
    for (const name of ['directory/a.tar', 'a.tar'])
      await expect(proveBelow(landing)(join(landing, name))).rejects.toMatchObject({
        code: 'FILE_UNREADABLE',
      });
    expect(await proveBelow(elsewhere)(join(elsewhere, 'a.tar'))).toMatchObject({ kind: 'complete' });
  });

  test('a signal’s reason', async () => {
    writeFileSync(path, TAR);
    await expect(proveComplete(path, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});

test('a plain tar of a terabyte is proved without reading its bodies', async () => {
  const tib = 2 ** 40;
  writeFileSync(
    path,
    memberBlocks({ name: 'sparse on disk.wav', edit: withSize('\x80\0\0\0\0\0\x01\0\0\0\0\0') }),
  );
  const file = openSync(path, 'r+');
  ftruncateSync(file, BLOCK + tib + 2 * BLOCK);
  closeSync(file);
  expect(await proveComplete(path)).toMatchObject({ kind: 'complete', members: 1, bytes: tib });
});

test('memory does not grow with the tar', async () => {
  const body = Buffer.alloc(8 * 1024 * 1024, 'x');
  await writeBigTar(path, 24, (index) => ({ name: `${index}.wav`, body }));
  const before = process.memoryUsage().rss;
  let peak = 0;
  let bytes = 0;
  for await (const member of readTar(path)) {
    for await (const chunk of member.body) {
      bytes += chunk.length;
      peak = Math.max(peak, process.memoryUsage().rss);
    }
  }
  expect(bytes).toBe(24 * body.length);
  expect(peak - before).toBeLessThan(120 * 1024 * 1024); // of 192 MiB
});

test('P8: nothing but extended headers costs no memory, however many there are', async () => {
  const body = paxRecords({ comment: 'c'.repeat(100_000) });
  await writeBigTar(path, 2000, () => ({ name: 'x', type: 'x', body }));
  const before = process.memoryUsage().rss;
  expect(await proveComplete(path)).toMatchObject({ kind: 'corrupt' });
  await expect(readAll(path)).rejects.toMatchObject({ code: 'TAR_CORRUPT' });
  expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024); // of 200 MB
});

test('extended headers are counted anew for each member', async () => {
  const global = { name: 'g', type: 'g', body: paxRecords({ comment: 'c' }) };
  const members = Array.from({ length: 50 }, (_, at) => [
    global,
    global,
    { name: `${at}.wav`, pax: { a: 'b' } },
  ]);
  expect(await verdictOf(path, makeTar(members.flat()))).toMatchObject({ kind: 'complete', members: 50 });
});
