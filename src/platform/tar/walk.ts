import { readUpTo, type TarBytes } from './bytes.ts';
import { expectZeros, passLeftovers, remember, staleRecord } from './behind-end.ts';
import { EXPECTED_INSTEAD, type TarEnd } from './end.ts';
import { tarFault, type TarProgress } from './fault.ts';
import { foreignFormat } from './foreign-format.ts';
import { BLOCK_BYTES, readHeader, isWithoutBody, type TarHeader } from './header.ts';
import { isMetadata, takeMetadata } from './metadata.ts';
import { decodeName } from './name.ts';
import { UNKNOWN_SPARSE } from './pax-sparse.ts';
import { oldMapOf, sparseContent } from './sparse-member.ts';
import {
  corrupt,
  endsEarly,
  paddingOf,
  skipExactly,
  type Facts,
  type Overrides,
  type Walk,
  type WalkOptions,
} from './walk-state.ts';

export type MemberKind =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'hardlink'
  | 'device'
  | 'fifo'
  /** Stored without its holes, and its map does not say where its parts belong; with one that does it is a file. */
  | 'sparse'
  /** A tape's own name, no file. */
  | 'label'
  /** The rest of a file that began on another tape. */
  | 'continued'
  | 'other';

export interface TarMember {
  /** UTF-8; bytes that are not become `%XX`. Nothing else is changed: it may be hostile. */
  readonly name: string;
  readonly kind: MemberKind;
  /** What a link points to, decoded as `name` is; undefined for what is no link. */
  readonly target: string | undefined;
  /** Of the body, in bytes. */
  readonly size: number;
  /** Of its first byte in the file; undefined where it does not stand there as it is: in a compressed tar, and of a sparse member. */
  readonly offset: number | undefined;
  /**
   * Readable once, and only until the next member is asked for; what is left of it then is skipped. Each chunk is good until
   * the next is asked for.
   */
  readonly body: AsyncIterable<Uint8Array>;
}

const KINDS: Readonly<Record<string, MemberKind>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'device',
  '4': 'device',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
  D: 'directory',
  M: 'continued',
  S: 'sparse',
  V: 'label',
};

/**
 * The members of a tar in their order. Ends at two zero blocks, behind which only what `end.ts` knows may stand, or at an
 * ending that is admitted.
 *
 * Throws `TAR_INCOMPLETE` where the bytes end before that, `TAR_CORRUPT` where they are not a tar, `TAR_UNSUPPORTED` where they
 * are another known format.
 */
export async function* walkMembers(
  bytes: TarBytes,
  progress: TarProgress,
  options: WalkOptions = {},
): AsyncGenerator<TarMember, void, undefined> {
  const walk: Walk = {
    bytes,
    progress,
    options,
    globals: {},
    metadataHeaders: 0,
    held: undefined,
    recent: [],
    strayZeroBlocks: 0,
    bodyEnd: undefined,
  };
  let overrides: Overrides | undefined;
  for (;;) {
    const header = await nextHeader(walk, overrides === undefined);
    if (header === undefined) {
      if (overrides !== undefined) throw corrupt(walk, 'an extended header has no member behind it');
      return;
    }
    if (isMetadata(header)) {
      overrides = await takeMetadata(walk, header, overrides);
      continue;
    }
    yield* oneMember(walk, header, overrides);
    overrides = undefined;
    walk.metadataHeaders = 0;
    progress.members += 1;
  }
}

async function* oneMember(
  walk: Walk,
  header: TarHeader,
  overrides: Overrides | undefined,
): AsyncGenerator<TarMember, void, undefined> {
  const pax = { ...walk.globals, ...overrides?.pax };
  const name = pax.path ?? overrides?.longName ?? decodeName(header.name);
  const oldMap = header.type === 'S' ? await oldMapOf(walk, header) : undefined;
  const size = await bodyBytes(walk, header, name, pax.size ?? header.size);
  const kind = kindOf(header, name, size, pax);
  const target = isLink(kind) ? targetOf(header, overrides, pax) : undefined;
  const body = openBody(walk, size);
  const stated = oldMap ?? pax.sparse ?? UNKNOWN_SPARSE;
  const content = kind === 'sparse' ? await sparseContent(walk, stated, body.chunks, size) : undefined;
  if (content === undefined) yield { name, kind, target, size, offset: body.offset, body: body.chunks };
  else yield { name, kind: 'file', target, offset: undefined, ...content };
  await body.close();
}

function targetOf(header: TarHeader, overrides: Overrides | undefined, pax: Facts): string {
  return pax.linkPath ?? overrides?.longTarget ?? decodeName(header.linkName);
}

function kindOf(header: TarHeader, name: string, size: number, pax: Facts): MemberKind {
  const stated = KINDS[header.type] ?? 'other';
  if (isOldDirectory(header, name)) return 'directory';
  const isFile = stated === 'file' || (stated === 'hardlink' && size > 0); // POSIX lets a link bring its bytes along
  if (!isFile) return stated;
  return pax.sparse === undefined ? 'file' : 'sparse';
}

function isLink(kind: MemberKind): boolean {
  return kind === 'hardlink' || kind === 'symlink';
}

/** Before there was a type for directories, their names ended in a slash. */
function isOldDirectory({ type }: TarHeader, name: string): boolean {
  return type === '\0' && name.endsWith('/');
}

/** How many bytes follow the header: for a hard link many writers state the size of the file and write none. */
async function bodyBytes(walk: Walk, header: TarHeader, name: string, stated: number): Promise<number> {
  if (isWithoutBody(header.type) || isOldDirectory(header, name)) return 0;
  if (header.type !== '1' || stated === 0) return stated;
  walk.held = await readUpTo(walk.bytes, BLOCK_BYTES);
  const isBody = walk.held.length === BLOCK_BYTES && readHeader(walk.held).kind === 'bad';
  return isBody ? stated : 0;
}

/** The next header; undefined at the end, once everything up to the last byte was looked at. */
async function nextHeader(walk: Walk, mayEnd: boolean): Promise<TarHeader | undefined> {
  const offset = positionOf(walk);
  const found = await upToABlock(walk);
  const ending = found.length === 0 && mayEnd && walk.progress.members > 0;
  if (ending) return endHere(walk, 'unterminated', 0, 0);
  if (found.length < BLOCK_BYTES) {
    if (offset === 0) requireTar(walk, found);
    throw endsEarly(walk, EXPECTED_INSTEAD.unterminated);
  }
  const header = readHeader(found);
  if (header.kind === 'zero') return endOrStray(walk);
  if (header.kind === 'bad') {
    if (offset === 0) requireTar(walk, found);
    throw tarFault('TAR_CORRUPT', walk.progress, offset, header.reason);
  }
  remember(walk, offset, header);
  return header;
}

/** Behind one zero block: the end, or a header that makes it a stray one. */
async function endOrStray(walk: Walk): Promise<TarHeader | undefined> {
  const offset = walk.bytes.position;
  const found = await upToABlock(walk);
  if (found.length === 0 && walk.progress.members > 0) return endHere(walk, 'one zero block', 0, 0);
  if (found.length < BLOCK_BYTES) throw endsEarly(walk, EXPECTED_INSTEAD['one zero block']);
  const second = readHeader(found);
  if (second.kind === 'zero') {
    const leftovers = await passLeftovers(walk);
    const zerosBehind = await expectZeros(walk);
    return endHere(walk, 'marker', zerosBehind, leftovers);
  }
  const stale = await staleRecord(walk);
  if (stale !== undefined) return endHere(walk, 'one zero block', 0, stale);
  if (second.kind === 'bad' || walk.bytes.position !== offset + BLOCK_BYTES)
    throw corrupt(walk, 'a single zero block, its twin was expected: a hole in the tar?');
  walk.strayZeroBlocks += 1;
  remember(walk, offset, second);
  return second;
}

function endHere(walk: Walk, ending: TarEnd['ending'], zerosBehind: number, leftovers: number): undefined {
  tellEnd(walk, ending, zerosBehind, leftovers);
  if (ending === 'marker' || walk.options.admit?.includes(ending) === true) return undefined;
  throw endsEarly(walk, EXPECTED_INSTEAD[ending]);
}

function tellEnd(walk: Walk, ending: TarEnd['ending'], zerosBehind: number, leftovers: number): void {
  const { strayZeroBlocks, bodyEnd, options } = walk;
  options.onEnd?.({ ending, zerosBehind, leftovers, strayZeroBlocks, bodyEnd });
}

/** Throws where the file begins as another known format does. */
function requireTar({ progress }: Walk, start: Uint8Array): void {
  const format = foreignFormat(start);
  if (format === undefined) return;
  throw tarFault('TAR_UNSUPPORTED', progress, 0, `it is ${format}; tar, tar.gz and tar.zst are read`);
}

/** A member's body: `close` passes over what of it and its padding was not read. */
function openBody(
  walk: Walk,
  size: number,
): {
  readonly offset: number | undefined;
  readonly chunks: AsyncIterable<Uint8Array>;
  close(): Promise<void>;
} {
  const { bytes } = walk;
  const first = size > 0 ? walk.held : undefined;
  if (first !== undefined) walk.held = undefined;
  const start = first === undefined ? bytes.position : bytes.position - BLOCK_BYTES;
  const end = start + size;
  let closed = false;
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    if (first !== undefined) yield first.subarray(0, Math.min(size, BLOCK_BYTES));
    for (;;) {
      if (closed) throw new Error('the body of a member was read after the next member was asked for');
      if (bytes.position >= end) return;
      const chunk = await bytes.read(end - bytes.position);
      if (chunk === undefined) throw endsEarly(walk, `${end - bytes.position} more bytes of a member`);
      yield chunk;
    }
  }
  return {
    offset: walk.options.isUnpacked === true ? undefined : start,
    chunks: { [Symbol.asyncIterator]: chunks },
    async close() {
      closed = true;
      if (size === 0) return;
      await skipExactly(walk, Math.max(0, end - bytes.position), 'a member');
      walk.bodyEnd = end;
      await skipPadding(walk, end + paddingOf(size) - bytes.position);
    },
  };
}

/** A last body without its padding is whole all the same: the tar ends there. */
async function skipPadding(walk: Walk, padding: number): Promise<void> {
  const skipped = await walk.bytes.skip(padding);
  if (skipped === padding || walk.options.admit?.includes('unterminated') === true) return;
  tellEnd(walk, 'unterminated', 0, 0);
  throw endsEarly(walk, `${padding - skipped} more bytes of the padding of a member`);
}

/** The next block, or what there is of it. */
async function upToABlock(walk: Walk): Promise<Uint8Array> {
  const { held } = walk;
  walk.held = undefined;
  return held ?? (await readUpTo(walk.bytes, BLOCK_BYTES));
}

function positionOf({ bytes, held }: Walk): number {
  return bytes.position - (held?.length ?? 0);
}
