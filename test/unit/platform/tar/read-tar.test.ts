import { createHash } from 'node:crypto';
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTar } from '../../../../src/platform/tar/index.ts';
import { BLOCK, makeTar, memberBlocks, paxRecords, type MadeMember } from '../../../support/tars.ts';
import { bodyOf, readAll, scratchDirectory } from '../../../support/tar-cases.ts';

const directory = scratchDirectory();
const path = join(directory, 'a.tar');

async function readMade(members: readonly MadeMember[]) {
  writeFileSync(path, makeTar(members));
  return readAll(path);
}

const nameBytes = fc
  .uint8Array({ minLength: 1, maxLength: 300 })
  .map((bytes) => Buffer.from(bytes.map((b) => b || 1)));
const anyName = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1 }).filter((name) => !name.includes('\0')),
  nameBytes,
);
const anyMember = fc.record({
  name: anyName,
  body: fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
});

function escaped(name: string | Buffer): string {
  const bytes = Buffer.from(name);
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : decodedApart(bytes);
}

/** Written apart from the reader: longest valid sequence first, by way of a round trip. */
function decodedApart(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = [4, 3, 2, 1].find((size) => {
      const part = bytes.subarray(at, at + size);
      const decoded = part.toString('utf8');
      return (
        part.length === size && decoded.length === (size === 4 ? 2 : 1) && Buffer.from(decoded).equals(part)
      );
    });
    const part = bytes.subarray(at, at + (length ?? 1));
    text += length === undefined ? `%${part.toString('hex').toUpperCase()}` : part.toString('utf8');
    at += length ?? 1;
  }
  return text;
}

const withSize = (field: string) => (header: Buffer) => {
  header.write(field, 124, 'latin1');
};

test('what a tar was made of is what is read from it, however it is compressed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyMember, { maxLength: 6 }),
      fc.constantFrom(undefined, 'gzip', 'zstd'),
      async (members, compress) => {
        writeFileSync(path, makeTar(members, compress === undefined ? {} : { compress }));
        const read = await readAll(path);
        expect(read.map(({ name, body }) => [name, body.toString('hex')])).toEqual(
          members.map(({ name, body }) => [escaped(name), body.toString('hex')]),
        );
      },
    ),
    { numRuns: 150 },
  );
});

describe('kinds', () => {
  test.each([
    ['0', 'file'],
    ['\0', 'file'],
    ['7', 'file'],
    ['1', 'hardlink'],
    ['2', 'symlink'],
    ['3', 'device'],
    ['4', 'device'],
    ['5', 'directory'],
    ['6', 'fifo'],
    ['S', 'sparse'],
    ['V', 'label'],
    ['M', 'continued'],
    ['Z', 'other'],
  ])('type %j is a %s', async (type, kind) => {
    const [member, after] = await readMade([{ name: 'a.wav', type, linkname: 'b' }, { name: 'after' }]);
    expect(member).toMatchObject({ name: 'a.wav', kind, size: 0 });
    expect(after).toMatchObject({ name: 'after', kind: 'file' });
  });

  test('an old tar marks a directory by its slash', async () => {
    expect(await readMade([{ name: 'd/', type: '\0' }])).toMatchObject([{ kind: 'directory' }]);
  });

  test('a link has no body, whatever size it states', async () => {
    const members = await readMade([
      { name: 'l', type: '1', edit: withSize('00000001000\0') },
      { name: 'b', body: Buffer.from('x') },
    ]);
    expect(members.map(({ name, size }) => [name, size])).toEqual([
      ['l', 0],
      ['b', 1],
    ]);
  });

  test('a GNU sparse map that goes on in further blocks is passed over', async () => {
    const body = Buffer.from('the parts that are not holes');
    const [header, content] = [
      memberBlocks({ name: 's.wav', type: 'S', body, edit: (block) => block.fill(1, 482, 483) }).subarray(
        0,
        BLOCK,
      ),
      memberBlocks({ name: 's.wav', body }).subarray(BLOCK),
    ];
    const more = Buffer.alloc(BLOCK, '1').fill(1, 504, 505);
    const last = Buffer.alloc(BLOCK, '1').fill(0, 504);
    writeFileSync(path, Buffer.concat([header, more, last, content, makeTar([{ name: 'after' }])]));
    expect(await readAll(path)).toMatchObject([{ kind: 'sparse', body }, { name: 'after' }]);
  });

  test('PAX sparse members go by their real name', async () => {
    const pax = {
      'GNU.sparse.major': '1',
      'GNU.sparse.name': 'real.wav',
      path: './GNUSparseFile.1/real.wav',
    };
    expect(await readMade([{ name: 'x', pax }])).toMatchObject([{ name: 'real.wav', kind: 'sparse' }]);
  });
});

const prefixed = (magic: string) => (header: Buffer) => {
  header.write(magic, 257, 'latin1');
  header.write('dir/sub', 345, 'latin1');
};

describe('names and sizes', () => {
  test('the prefix counts in a ustar header and nowhere else', async () => {
    const magics = ['ustar\u000000', 'ustar  \0', '\0\0\0\0\0\0\0\0'];
    const members = await readMade(magics.map((magic) => ({ name: 'a.wav', edit: prefixed(magic) })));
    expect(members.map(({ name }) => name)).toEqual(['dir/sub/a.wav', 'a.wav', 'a.wav']);
  });

  test('a PAX path goes before a GNU long name, which goes before the header', async () => {
    const long = 'l'.repeat(150);
    const members = await readMade([
      { name: long, pax: { path: 'päth' } },
      { name: long },
      { name: 'short' },
    ]);
    expect(members.map(({ name }) => name)).toEqual(['päth', long, 'short']);
  });

  test('a PAX size goes before that of the header', async () => {
    const body = Buffer.from('twelve bytes');
    expect(
      await readMade([{ name: 'a', body, edit: withSize('00000000000\0'), pax: { size: '12' } }]),
    ).toMatchObject([{ size: 12, body }]);
  });

  test('a size in base 256 is read', async () => {
    const body = Buffer.from('twelve bytes');
    expect(
      await readMade([{ name: 'a', body, edit: withSize('\x80\0\0\0\0\0\0\0\0\0\0\x0c') }]),
    ).toMatchObject([{ size: 12, body }]);
  });

  test('a global header holds for all that follow, and may be the last thing in a tar', async () => {
    const global = { name: 'pax_global_header', type: 'g', body: paxRecords({ path: 'all', comment: 'x' }) };
    const members = await readMade([
      { name: 'a' },
      global,
      { name: 'b' },
      { name: 'c', pax: { path: '' } },
      global,
    ]);
    expect(members.map(({ name }) => name)).toEqual(['a', 'all', 'c']);
  });

  test('the target of a long link does not become a name', async () => {
    const target = { name: '././@LongLink', type: 'K', body: Buffer.from(`${'t'.repeat(150)}\0`) };
    expect(await readMade([target, { name: 'l.wav', type: '2' }])).toMatchObject([
      { name: 'l.wav', kind: 'symlink' },
    ]);
  });

  test('bytes that are not UTF-8 are written as %XX, the rest of the name stays', async () => {
    const name = Buffer.concat([
      Buffer.from('Grö'),
      Buffer.from([0xdf, 0xed, 0xa0, 0x80]),
      Buffer.from('ße.wav'),
    ]);
    expect(await readMade([{ name }])).toMatchObject([{ name: 'Grö%DF%ED%A0%80ße.wav' }]);
  });
});

describe('what the reader does besides', () => {
  const members = Array.from({ length: 9 }, (_, index) => ({
    name: `${index}.wav`,
    body: Buffer.alloc(300_000 + index, index),
  }));

  test.each([undefined, 'gzip', 'zstd'] as const)(
    'shows every byte of the file as it is (%s)',
    async (compress) => {
      const tar = makeTar(members, compress === undefined ? {} : { compress });
      writeFileSync(path, tar);
      const hash = createHash('sha256');
      for await (const member of readTar(path, { onRaw: (chunk) => hash.update(chunk) })) {
        if (member.name === '3.wav') for await (const _ of member.body) break; // half a body, and others unread
      }
      expect(hash.digest('hex')).toBe(createHash('sha256').update(tar).digest('hex'));
    },
  );

  test.each([undefined, 'gzip', 'zstd'] as const)(
    'closes the file when its reader stops or throws (%s)',
    async (compress) => {
      writeFileSync(path, makeTar(members, compress === undefined ? {} : { compress }));
      for await (const member of readTar(path)) {
        expect(member.name).toBe('0.wav');
        expect(isOpen(path)).toBe(true);
        break;
      }
      expect(isOpen(path)).toBe(false);
      const throwing = async () => {
        for await (const member of readTar(path)) {
          for await (const _ of member.body) throw new Error('disk full');
        }
      };
      await expect(throwing()).rejects.toThrow('disk full');
      expect(isOpen(path)).toBe(false);
    },
  );

  test.each([undefined, 'gzip', 'zstd'] as const)(
    'ends with the reason of its signal (%s)',
    async (compress) => {
      const tar = makeTar(members, compress === undefined ? {} : { compress });
      writeFileSync(path, compress === undefined ? tar : Buffer.concat([tar, Buffer.alloc(2_000_000)]));
      const stop = new AbortController();
      const reading = async () => {
        for await (const member of readTar(path, { signal: stop.signal })) {
          stop.abort(new Error('shutting down'));
          await bodyOf(member.body);
        }
      };
      await expect(reading()).rejects.toThrow('shutting down');
      expect(isOpen(path)).toBe(false);
    },
  );

  test('a body cannot be read once the next member was asked for', async () => {
    writeFileSync(path, makeTar(members));
    const late: AsyncIterable<Uint8Array>[] = [];
    for await (const { body } of readTar(path)) late.push(body);
    await expect(bodyOf(late[0]!)).rejects.toThrow('after the next member');
  });
});

/** Whether this process holds `file` open; Linux only, as is wavspool. */
function isOpen(file: string): boolean {
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === file;
    } catch {
      return false; // the descriptor of the listing itself
    }
  });
}
