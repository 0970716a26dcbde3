import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { proveComplete, readTar } from '../../../../src/platform/tar/index.ts';
import { contentOf, SPARSE_FORMATS, sparseMember, type Part } from '../../../support/sparse-tars.ts';
import { readAll, scratchDirectory } from '../../../support/tar-cases.ts';
import { BLOCK, makeTar, memberBlocks, paxRecords, type MadeMember } from '../../../support/tars.ts';

const path = join(scratchDirectory(), 'a.tar');
const AFTER: MadeMember = { name: 'after.wav', body: Buffer.from('after') };
const PARTS: readonly Part[] = [
  { offset: 0, bytes: Buffer.from('RIFF') },
  { offset: 1000, bytes: Buffer.alloc(600, 'b') },
  { offset: 1600, bytes: Buffer.alloc(1, 'c') },
];

function write(...members: readonly Buffer[]): void {
  writeFileSync(path, Buffer.concat([...members, makeTar([AFTER])]));
}

const anyParts = fc
  .array(fc.tuple(fc.nat(5000), fc.integer({ min: 1, max: 1500 })), { maxLength: 60 })
  .map((pairs) => {
    let end = 0;
    return pairs.map(([hole, length], index): Part => {
      const offset = end + hole;
      end = offset + length;
      return { offset, bytes: Buffer.alloc(length, 1 + (index % 255)) };
    });
  });

describe.each(SPARSE_FORMATS)('format %s', (format) => {
  test('what was left out is there again, and the member behind it is read', async () => {
    await fc.assert(
      fc.asyncProperty(anyParts, fc.nat(300_000), async (parts, tail) => {
        const last = parts.at(-1);
        const size = (last === undefined ? 0 : last.offset + last.bytes.length) + tail;
        write(sparseMember(format, 's.wav', size, parts));
        const [member, after] = await readAll(path);
        expect(member).toMatchObject({ name: 's.wav', kind: 'file', size });
        expect(member?.body.equals(contentOf(size, parts))).toBe(true);
        expect(after).toMatchObject({ name: 'after.wav', body: AFTER.body });
        expect(await proveComplete(path)).toMatchObject({ kind: 'complete', members: 2, bytes: size + 5 });
      }),
      { numRuns: 25 },
    );
  });

  test('it does not stand in the tar as it is', async () => {
    write(sparseMember(format, 's.wav', 5000, PARTS));
    const offsets: (number | undefined)[] = [];
    for await (const { offset } of readTar(path)) offsets.push(offset);
    expect(offsets).toEqual([undefined, expect.any(Number)]);
  });

  test.each([
    ['a part over another', 5000, [0, 4, 1000, 600, 1599, 1]],
    ['a part before another', 5000, [1000, 600, 0, 4, 1600, 1]],
    ['a part behind the end', 1600, [0, 4, 1000, 600, 1600, 1]],
    ['fewer bytes than are stored', 5000, [0, 4, 1000, 600]],
    ['more bytes than are stored', 5000, [0, 4, 1000, 600, 1600, 2]],
    ['no map', 5000, []],
    ['no number', 5000, [0, 4, 1000, 600, 'a'.repeat(12), 1]],
  ])('a map with %s is refused, and nothing else', async (_, size, numbers) => {
    write(sparseMember(format, 's.wav', size, PARTS, numbers));
    expect(await readAll(path)).toMatchObject([
      { name: 's.wav', kind: 'sparse' },
      { name: 'after.wav', kind: 'file', body: AFTER.body },
    ]);
    expect(await proveComplete(path)).toMatchObject({ kind: 'complete', members: 2 });
  });

  test('a tar that is cut within it is not whole', async () => {
    const tar = Buffer.concat([sparseMember(format, 's.wav', 5000, PARTS), makeTar([AFTER])]);
    for (let at = 1; at < tar.length / BLOCK - 1; at += 1) {
      writeFileSync(path, tar.subarray(0, at * BLOCK));
      expect(await proveComplete(path)).toMatchObject({ kind: 'incomplete' });
    }
  });
});

test('a hole lets others have their turn, and ends with the signal', async () => {
  write(sparseMember('1.0', 's.wav', 2 ** 40, PARTS));
  const controller = new AbortController();
  let turns = 0;
  const yieldTurn = (): Promise<void> => {
    turns += 1;
    if (turns === 20) controller.abort(new Error('enough'));
    return Promise.resolve();
  };
  const reading = (async (): Promise<void> => {
    for await (const { body } of readTar(path, { signal: controller.signal, yieldTurn }))
      for await (const chunk of body) expect(chunk.length).toBeGreaterThan(0);
  })();
  await expect(reading).rejects.toThrow('enough');
});

const pax = (records: Readonly<Record<string, string>>): MadeMember => ({
  name: 's.wav',
  pax: records,
  body: Buffer.from('12345'),
});

describe('what is sparse in another way is not taken for what is stored', () => {
  test.each([
    [
      'a later version',
      pax({ 'GNU.sparse.major': '2', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '5' }),
    ],
    ['star, by its type', pax({ 'SCHILY.filetype': 'sparse' })],
    ['star, by its size', pax({ 'SCHILY.realsize': '6' })],
    ['too long a map', pax({ 'GNU.sparse.size': '5', 'GNU.sparse.map': '0,0,'.repeat(300_000) })],
    ['many parts', pax({ 'GNU.sparse.size': '5', 'GNU.sparse.map': '0,0,'.repeat(250_000) })],
    ['a link that brings bytes', { ...pax({ 'GNU.sparse.size': '9' }), type: '1', linkname: 'b' }],
    ['an old header that is not GNU’s', { ...pax({}), type: 'S' }],
  ])('%s', async (_, member) => {
    write(memberBlocks(member));
    expect(await readAll(path)).toMatchObject([{ name: 's.wav', kind: 'sparse' }, { name: 'after.wav' }]);
  });

  test('a global header’s map fits none', async () => {
    const body = paxRecords({ 'GNU.sparse.size': '5', 'GNU.sparse.map': '0,5' });
    write(memberBlocks({ name: 'g', type: 'g', body }), memberBlocks(pax({})));
    expect(await readAll(path)).toMatchObject([{ kind: 'sparse' }, { kind: 'sparse' }]);
  });

  test('star’s size of a file that has no hole says nothing new', async () => {
    write(memberBlocks(pax({ 'SCHILY.realsize': '5', 'SCHILY.filetype': 'regular' })));
    expect(await readAll(path)).toMatchObject([{ kind: 'file', body: Buffer.from('12345') }, {}]);
  });
});
