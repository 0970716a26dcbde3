import { open } from 'node:fs/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';

// Writes tars byte by byte, so that tests can also have those that no honest program writes.

export interface MadeMember {
  readonly name: string | Buffer;
  readonly body?: Buffer;
  /** The type flag, one character; `0`, a file, unless given. */
  readonly type?: string;
  readonly linkname?: string;
  /** Records of a PAX header of its own before the member. */
  readonly pax?: Readonly<Record<string, string>>;
  /** Changes the header before its checksum is worked out. */
  readonly edit?: (header: Buffer) => void;
}

export const BLOCK = 512;

/** A whole tar with its end marker; names above 100 bytes get a GNU long name. */
export function makeTar(
  members: readonly MadeMember[],
  options: { readonly compress?: 'gzip' | 'zstd' } = {},
): Buffer {
  const tar = Buffer.concat([...members.map(memberBlocks), Buffer.alloc(2 * BLOCK)]);
  if (options.compress === 'gzip') return gzipSync(tar);
  return options.compress === 'zstd' ? zstdCompressSync(tar) : tar;
}

/** Writes a tar of `count` members to `path`, one at a time. */
export async function writeBigTar(
  path: string,
  count: number,
  memberOf: (index: number) => MadeMember,
): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (let index = 0; index < count; index += 1) await file.appendFile(memberBlocks(memberOf(index)));
    await file.appendFile(Buffer.alloc(2 * BLOCK));
  } finally {
    await file.close();
  }
}

/** The blocks of one member without an end marker. */
export function memberBlocks(member: MadeMember): Buffer {
  const name = Buffer.from(member.name);
  const body = member.body ?? Buffer.alloc(0);
  const blocks: Buffer[] = [];
  if (member.pax !== undefined) {
    const records = paxRecords(member.pax);
    blocks.push(header(Buffer.from('PaxHeaders/x'), 'x', records.length, {}), padded(records));
  }
  if (name.length > 100) {
    const long = Buffer.concat([name, Buffer.from([0])]);
    blocks.push(header(Buffer.from('././@LongLink'), 'L', long.length, {}), padded(long));
  }
  blocks.push(header(name.subarray(0, 100), member.type ?? '0', body.length, member), padded(body));
  return Buffer.concat(blocks);
}

/** The body of a PAX header: `length key=value` lines whose length counts itself. */
export function paxRecords(records: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(records).map(([key, value]) => {
      const rest = Buffer.from(` ${key}=${value}\n`);
      let length = rest.length + 1;
      while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
      return Buffer.concat([Buffer.from(`${length}`), rest]);
    }),
  );
}

/** Puts the right checksum into a header block. */
export function sealHeader(block: Buffer): void {
  block.write('        ', 148, 'latin1');
  const sum = block.subarray(0, BLOCK).reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

function header(
  name: Buffer,
  type: string,
  size: number,
  { linkname, edit }: Pick<MadeMember, 'linkname' | 'edit'>,
): Buffer {
  const block = Buffer.alloc(BLOCK);
  name.copy(block, 0);
  block.write('0000644\u00000000000\u00000000000\0', 100, 'latin1');
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write('15000000000\0', 136, 'latin1');
  block.write(type, 156, 'latin1');
  block.write(linkname ?? '', 157, 100, 'utf8');
  block.write('ustar\u000000', 257, 'latin1');
  edit?.(block);
  sealHeader(block);
  return block;
}

function padded(body: Buffer): Buffer {
  return Buffer.concat([body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)]);
}
