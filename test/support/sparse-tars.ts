import { BLOCK, memberBlocks, paxRecords } from './tars.ts';

// Sparse members as GNU tar 1.34 writes them, in each of its formats.

/** Bytes that are no hole, and where they belong. */
export interface Part {
  readonly offset: number;
  readonly bytes: Buffer;
}

export const SPARSE_FORMATS = ['old', '0.0', '0.1', '1.0'] as const;
export type SparseFormat = (typeof SPARSE_FORMATS)[number];

/** The blocks of a member of `size` bytes, zeros but for `parts`. `numbers` is the map that is stated, offset and length in turns. */
export function sparseMember(
  format: SparseFormat,
  name: string,
  size: number,
  parts: readonly Part[],
  numbers: readonly (number | string)[] = mapOf(parts, size),
): Buffer {
  const stored = Buffer.concat(parts.map(({ bytes }) => bytes));
  if (format === 'old') return oldMember(name, size, stored, numbers);
  if (format === '1.0') {
    const map = [numbers.length / 2, ...numbers].map((number) => `${number}\n`).join('');
    const padding = Buffer.alloc((BLOCK - (map.length % BLOCK)) % BLOCK);
    const pax = { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': `${size}` };
    return withPax(name, Object.entries(pax), Buffer.concat([Buffer.from(map), padding, stored]));
  }
  const head: [string, string][] = [
    ['GNU.sparse.size', `${size}`],
    ['GNU.sparse.numblocks', `${numbers.length / 2}`],
  ];
  const map: [string, string][] =
    format === '0.1'
      ? [['GNU.sparse.map', numbers.join(',')]]
      : numbers.map((number, at) => [`GNU.sparse.${at % 2 === 0 ? 'offset' : 'numbytes'}`, `${number}`]);
  return withPax(name, [...head, ...map], stored);
}

/** What the member holds when it is extracted. */
export function contentOf(size: number, parts: readonly Part[]): Buffer {
  const content = Buffer.alloc(size);
  for (const { offset, bytes } of parts) bytes.copy(content, offset);
  return content;
}

/** GNU tar ends the map with an empty part where the content ends in a hole. */
function mapOf(parts: readonly Part[], size: number): number[] {
  const last = parts.at(-1);
  const end = last === undefined ? 0 : last.offset + last.bytes.length;
  const numbers = parts.flatMap(({ offset, bytes }) => [offset, bytes.length]);
  return end < size ? [...numbers, size, 0] : numbers;
}

/** The made-up name stands in the header, for readers that know nothing of holes. */
function withPax(name: string, records: readonly (readonly [string, string])[], body: Buffer): Buffer {
  const pax = Buffer.concat(
    [['GNU.sparse.name', name] as const, ...records].map(([key, value]) => paxRecords({ [key]: value })),
  );
  return Buffer.concat([
    memberBlocks({ name: 'PaxHeaders/x', type: 'x', body: pax }),
    memberBlocks({ name: `GNUSparseFile.1/${name}`, body }),
  ]);
}

function oldMember(
  name: string,
  size: number,
  stored: Buffer,
  numbers: readonly (number | string)[],
): Buffer {
  const fields = numbers.map((number) => (typeof number === 'number' ? octal(number) : number));
  const rest = fields.slice(8);
  const blocks: Buffer[] = [];
  for (let at = 0; at < rest.length; at += 42) {
    const block = Buffer.alloc(BLOCK);
    block.write(rest.slice(at, at + 42).join(''), 0, 'latin1');
    if (at + 42 < rest.length) block[504] = 1;
    blocks.push(block);
  }
  const member = memberBlocks({
    name,
    type: 'S',
    body: stored,
    edit: (header) => {
      header.write('ustar  \0', 257, 'latin1');
      header.write(fields.slice(0, 8).join(''), 386, 'latin1');
      if (rest.length > 0) header[482] = 1;
      header.write(octal(size), 483, 'latin1');
    },
  });
  return Buffer.concat([member.subarray(0, BLOCK), ...blocks, member.subarray(BLOCK)]);
}

/** A header's number of twelve bytes. */
function octal(number: number): string {
  return `${number.toString(8).padStart(11, '0')}\0`;
}
