import { closeSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { proveComplete, type Completeness } from '../../../../src/platform/tar/index.ts';
import { BLOCK, makeTar, memberBlocks, type MadeMember } from '../../../support/tars.ts';
import { proofOf, readAll, scratchDirectory, verdictOf } from '../../../support/tar-cases.ts';

// How writers end their tars, and what may be an end and may be a cut.

const path = join(scratchDirectory(), 'a.tar');
const RECORD = 20 * BLOCK;
const zeros = (bytes: number): Buffer => Buffer.alloc(bytes);
const member = (name: string, bytes: number, fill = name): MadeMember => ({
  name,
  body: Buffer.alloc(bytes, fill),
});
const blocks = (...members: MadeMember[]): Buffer => Buffer.concat(members.map(memberBlocks));
const two = blocks(member('a.wav', 700), member('b.wav', 512));
const TWO = { kind: 'complete', members: 2, bytes: 1212 } as const;
const endOf = (proof: Completeness) => (proof.kind === 'complete' ? proof.end : undefined);

describe('behind the marker, to the end of its record, anything may stand', () => {
  const marked = Buffer.concat([two, zeros(2 * BLOCK)]);
  const upTo = (bytes: number): Buffer =>
    Buffer.concat([marked, Buffer.alloc(bytes - marked.length, 'garbage!')]);

  test.each([
    ['to the last byte of the record', upTo(RECORD), RECORD - marked.length],
    ['one byte', upTo(marked.length + 1), 1],
    ['and zeros behind the record', Buffer.concat([upTo(RECORD), zeros(3 * RECORD)]), RECORD - marked.length],
  ])('%s', async (_, tar, leftovers) => {
    expect(await verdictOf(path, tar)).toEqual(TWO);
    expect(endOf(await proofOf(path, tar))).toMatchObject({ leftovers });
  });

  test('but nothing behind it', async () => {
    const tar = Buffer.concat([upTo(RECORD), Buffer.from('\n')]);
    expect(await verdictOf(path, tar)).toEqual({
      kind: 'corrupt',
      reason: `${path}: at byte ${RECORD}, after 2 members: data behind the end marker, only zeros were expected`,
    });
  });

  test('P1: but no header that was not there before: members lie behind a hole', async () => {
    const tar = Buffer.concat([marked, blocks(member('lost.wav', 10)), zeros(2 * BLOCK)]);
    expect(await verdictOf(path, tar)).toMatchObject({ kind: 'corrupt' });
  });

  test('a header that stood there one record before is a leftover (AIX, Ant)', async () => {
    const members = Array.from({ length: 11 }, (_, at) => member(`${at}.wav`, 700));
    const tar = Buffer.concat([blocks(...members), zeros(2 * BLOCK)]);
    const missing = (RECORD - (tar.length % RECORD)) % RECORD;
    const leftover = tar.subarray(tar.length - RECORD, tar.length - RECORD + missing);
    expect(await verdictOf(path, Buffer.concat([tar, leftover]))).toMatchObject({
      kind: 'complete',
      members: 11,
    });
  });
});

describe('one zero block as the very last', () => {
  const tar = Buffer.concat([two, zeros(BLOCK)]);

  test('is told from a cut, and is no proof', async () => {
    expect(await proofOf(path, tar)).toMatchObject({ kind: 'incomplete', ending: 'one zero block' });
    expect(await verdictOf(path, tar)).toMatchObject({ kind: 'incomplete' });
  });

  test.each([tar, gzipSync(tar), zstdCompressSync(tar)])(
    'is an end where that is admitted',
    async (bytes) => {
      writeFileSync(path, bytes);
      await expect(readAll(path)).rejects.toMatchObject({ code: 'TAR_INCOMPLETE' });
      expect(await readAll(path, { admit: ['one zero block'] })).toHaveLength(2);
    },
  );

  test('is none when a part of the second follows', async () => {
    expect(await proofOf(path, Buffer.concat([tar, zeros(100)]))).toMatchObject({ ending: 'cut' });
  });
});

describe('one zero block, and then what the record before held at that place (SharpZipLib 0.8)', () => {
  const members = Array.from({ length: 11 }, (_, at) => member(`${at}.wav`, 700));
  const body = Buffer.concat([blocks(...members), zeros(BLOCK)]); // 33 blocks and one
  const staleFrom = body.length - RECORD;
  const stale = body.subarray(staleFrom, staleFrom + 2 * RECORD - body.length);
  const tar = Buffer.concat([body, stale]);

  test('is told from a cut, and is no proof', async () => {
    expect(tar.length).toBe(2 * RECORD);
    expect(await proofOf(path, tar)).toMatchObject({ kind: 'incomplete', ending: 'one zero block' });
  });

  test.each([tar, gzipSync(tar), zstdCompressSync(tar)])(
    'is an end where that is admitted',
    async (bytes) => {
      writeFileSync(path, bytes);
      expect(await readAll(path, { admit: ['one zero block'] })).toHaveLength(11);
    },
  );

  test('is an end too when the zero block begins the record', async () => {
    const full = blocks(member('a.wav', 19 * BLOCK));
    const whole = Buffer.concat([full, zeros(BLOCK), full.subarray(BLOCK)]);
    expect(await proofOf(path, whole)).toMatchObject({ kind: 'incomplete', ending: 'one zero block' });
    expect(await readAll(path, { admit: ['one zero block'] })).toHaveLength(1);
  });

  test.each([
    [
      'one byte differs: a recording whose header was lost',
      Buffer.concat([tar.subarray(0, -1), Buffer.from('!')]),
    ],
    ['more follows', Buffer.concat([tar, zeros(BLOCK)])],
    ['the record is cut', tar.subarray(0, -BLOCK)],
    [
      'there is no record before',
      Buffer.concat([two, zeros(BLOCK), Buffer.alloc(RECORD - two.length - BLOCK, 'x')]),
    ],
  ])('P1: is none when %s', async (_, bytes) => {
    expect(await proofOf(path, bytes)).toMatchObject({ kind: 'corrupt' });
    await expect(readAll(path, { admit: ['one zero block', 'unterminated'] })).rejects.toThrow(
      'a hole in the tar?',
    );
  });
});

describe('a tar without any end', () => {
  test.each([
    ['behind a member', two, 'unterminated'],
    ['behind a member without its padding', two.subarray(0, BLOCK + 700), 'unterminated'],
    ['within a member', two.subarray(0, BLOCK + 699), 'cut'],
    ['within a header', two.subarray(0, 700), 'cut'],
    ['behind a header', two.subarray(0, BLOCK), 'cut'],
    ['behind an extended header', memberBlocks({ name: 'x', type: 'L', body: Buffer.from('x') }), 'cut'],
    ['without a member', zeros(0), 'cut'],
  ])('%s', async (_, tar, ending) => {
    expect(await proofOf(path, tar)).toMatchObject({ kind: 'incomplete', ending });
    await verdictOf(path, tar);
  });

  test.each([two, two.subarray(0, BLOCK + 700), gzipSync(two)])(
    'is read where that is admitted',
    async (bytes) => {
      writeFileSync(path, bytes);
      await expect(readAll(path)).rejects.toMatchObject({ code: 'TAR_INCOMPLETE' });
      await expect(readAll(path, { admit: ['one zero block'] })).rejects.toThrow('the tar ends');
      const members = await readAll(path, { admit: ['unterminated'] });
      expect(members[0]?.body).toEqual(Buffer.alloc(700, 'a.wav'));
    },
  );

  test('P1: a cut within something is none, whatever is admitted', async () => {
    for (const length of [1, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + 699, 3 * BLOCK + 1, 4 * BLOCK]) {
      writeFileSync(path, two.subarray(0, length));
      await expect(readAll(path, { admit: ['one zero block', 'unterminated'] })).rejects.toThrow(
        'the tar ends',
      );
    }
  });
});

describe('a stray zero block (PEAR)', () => {
  const tar = Buffer.concat([blocks(member('a.wav', 700)), zeros(BLOCK), makeTar([member('b.wav', 512)])]);

  test('before a header with a right checksum is passed over, and noted', async () => {
    expect(await verdictOf(path, tar)).toEqual(TWO);
    expect(endOf(await proofOf(path, tar))).toMatchObject({ strayZeroBlocks: 1 });
  });

  test('two of them are the end', async () => {
    const ended = Buffer.concat([tar.subarray(0, 4 * BLOCK), zeros(BLOCK), tar.subarray(4 * BLOCK)]);
    expect(await verdictOf(path, ended)).toMatchObject({ kind: 'corrupt' });
  });
});

describe('what may be zeros still to be filled is told', () => {
  const NOTHING = { zerosBehind: 0, leftovers: 0, strayZeroBlocks: 0, zeroTail: 0, holeBytes: 0 };

  test('nothing of a usual tar', async () => {
    const tar = Buffer.concat([two, zeros(RECORD - two.length)]);
    expect(endOf(await proofOf(path, tar))).toEqual(NOTHING);
  });

  test('zeros behind the last record', async () => {
    expect(endOf(await proofOf(path, Buffer.concat([two, zeros(5 * RECORD - two.length)])))).toEqual({
      ...NOTHING,
      zerosBehind: 4 * RECORD,
    });
  });

  test('a last recording that is half there', async () => {
    const last = blocks(member('c.wav', 200_000));
    const tar = Buffer.concat([two, last.fill(0, 100_000), zeros(2 * BLOCK)]);
    expect(endOf(await proofOf(path, tar))).toMatchObject({ zeroTail: 4096 });
    const nearly = Buffer.concat([
      two,
      blocks(member('c.wav', 5000)).fill(0, BLOCK + 4990),
      zeros(2 * BLOCK),
    ]);
    expect(endOf(await proofOf(path, nearly))).toMatchObject({ zeroTail: 10 });
  });

  test('holes', async () => {
    writeFileSync(path, blocks(member('a.wav', 700)));
    const file = openSync(path, 'r+');
    ftruncateSync(file, 1024 * 1024);
    closeSync(file);
    const end = endOf(await proveComplete(path));
    expect(end?.holeBytes).toBeGreaterThan(900_000);
  });

  test('nothing of a compressed tar, which carries its checksum', async () => {
    const tar = gzipSync(Buffer.concat([blocks(member('c.wav', 9000, '\0')), zeros(9 * RECORD)]));
    expect(endOf(await proofOf(path, tar))).toMatchObject({ zeroTail: 0, zerosBehind: 0 });
  });
});
