import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BLOCK, makeTar, memberBlocks, paxRecords } from '../../../support/tars.ts';
import { readAll, scratchDirectory, verdictOf } from '../../../support/tar-cases.ts';

// Headers as other programs write them.

const directory = scratchDirectory();
const path = join(directory, 'a.tar');
const body = Buffer.from('twelve bytes');
const after = memberBlocks({ name: 'after', body: Buffer.from('x') });
const END = Buffer.alloc(2 * BLOCK);
const read = async (...parts: readonly Buffer[]) => {
  const tar = Buffer.concat([...parts, END]);
  await verdictOf(path, tar);
  return readAll(path);
};
const pax = (records: Buffer): Buffer => memberBlocks({ name: 'PaxHeader', type: 'x', body: records });
const size = (field: string) => (header: Buffer) => void header.write(field, 124, 'latin1');

describe('PAX headers', () => {
  test.each([
    ['a length with zeros before it', '00000018 size=12\n'],
    ['a length with a space before it', ' 0012 size=12\n'],
    ['a size with zeros before it', '27 size=00000000000000000012\n'],
  ])('%s', async (_, text) => {
    const records = Buffer.from(
      text.replace(/\d+(?= )/, (digits) => `${text.length}`.padStart(digits.length, '0')),
    );
    const [member] = await read(
      pax(records),
      memberBlocks({ name: 'a', body, edit: size('00000000000\0') }),
      after,
    );
    expect(member).toMatchObject({ name: 'a', size: 12, body });
  });

  test('an attribute of megabytes is passed over, what stands around it is read', async () => {
    const attribute = { 'LIBARCHIVE.xattr.com.apple.ResourceFork': 'Q'.repeat(5_000_000) };
    const records = paxRecords({ path: 'päth.wav', ...attribute, size: '12', comment: 'c'.repeat(70_000) });
    const [member, next] = await read(pax(records), memberBlocks({ name: 'a', body }), after);
    expect(member).toMatchObject({ name: 'päth.wav', size: 12, body });
    expect(next).toMatchObject({ name: 'after' });
  });

  test('keys with "=", values with line ends and NULs', async () => {
    const records = paxRecords({ 'SCHILY.xattr.user.a=b': 'x\ny=1\0z', path: 'odd.wav', comment: '' });
    expect(await read(pax(records), memberBlocks({ name: 'a', body }))).toMatchObject([
      { name: 'odd.wav', body },
    ]);
  });

  test('cut anywhere, they are incomplete', async () => {
    const tar = Buffer.concat([
      pax(paxRecords({ comment: 'c'.repeat(200_000), path: 'p.wav' })),
      memberBlocks({ name: 'a', body }),
      END,
    ]);
    for (let length = BLOCK; length < tar.length - END.length; length += 4999)
      expect(await verdictOf(path, tar.subarray(0, length))).toMatchObject({ kind: 'incomplete' });
  });
});

const link = (field: string): Buffer =>
  memberBlocks({ name: 'l.wav', type: '1', linkname: 'a.wav', edit: size(field) });

describe('hard links', () => {
  test('name their target, also a long one', async () => {
    const long = `${'d/'.repeat(80)}a.wav`;
    const gnu = memberBlocks({ name: '././@LongLink', type: 'K', body: Buffer.from(`${long}\0`) });
    const members = await read(
      gnu,
      link('00000000000\0'),
      pax(paxRecords({ linkpath: 'ü.wav' })),
      link('0'),
      link('0'),
    );
    expect(members.map(({ kind, target }) => [kind, target])).toEqual([
      ['hardlink', long],
      ['hardlink', 'ü.wav'],
      ['hardlink', 'a.wav'],
    ]);
  });

  test.each([
    ['before a member', [after]],
    ['before the end', []],
  ])('state the size of the file and have no bytes, %s', async (_, rest) => {
    const members = await read(link('00000000014\0'), ...rest);
    expect(members[0]).toMatchObject({ kind: 'hardlink', size: 0 });
    expect(members).toHaveLength(1 + rest.length);
  });

  test.each([1, 12, BLOCK, BLOCK + 1, 3000])('bring %i bytes along, as POSIX allows', async (bytes) => {
    const content = Buffer.alloc(bytes, 'RIFF');
    const blocks = memberBlocks({ name: 'l.wav', type: '1', linkname: 'a.wav', body: content });
    expect(await read(blocks, after)).toMatchObject([
      { kind: 'file', size: bytes, body: content },
      { name: 'after' },
    ]);
  });
});

test('a header whose size no reader needs may have none', async () => {
  const negative = '\xff'.repeat(12);
  const members = await read(
    memberBlocks({ name: 'd', type: '5', edit: size(negative) }),
    memberBlocks({ name: 's', type: '2', linkname: 'x', edit: size('nonsense') }),
    after,
  );
  expect(members).toMatchObject([{ kind: 'directory' }, { kind: 'symlink' }, { name: 'after' }]);
});

test('checksums that were added up as signed bytes', async () => {
  const blocks = memberBlocks({ name: Buffer.from('größe.wav'), body });
  const header = blocks.subarray(0, BLOCK);
  header.write('        ', 148, 'latin1');
  const sum = header.reduce((total, byte) => total + (byte > 127 ? byte - 256 : byte), 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  expect(await read(blocks)).toMatchObject([{ name: 'größe.wav', body }]);
});

test('a zstd window that is too large is called that', async () => {
  const big = join(directory, 'big.tar');
  writeFileSync(big, makeTar([{ name: 'a.wav', body: Buffer.alloc(3_000_000, 'a') }]));
  execFileSync('sh', ['-c', `zstd -q -f --long=31 -c < ${big} > ${path}`]);
  expect(await verdictOf(path, readFileSync(path))).toMatchObject({
    kind: 'corrupt',
    reason: expect.stringContaining('a window of more than 128 MiB'),
  });
});
