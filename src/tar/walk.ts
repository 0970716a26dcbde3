import { readUpTo, type TarBytes } from './bytes.ts';
import { tarFault, type TarProgress } from './fault.ts';
import { BLOCK_BYTES, readHeader, sparseMapContinues, untilNul, type TarHeader } from './header.ts';
import { decodeName } from './name.ts';
import { readPax, type PaxFacts } from './pax.ts';

export type MemberKind =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'hardlink'
  | 'device'
  | 'fifo'
  | 'sparse'
  | 'other';

export interface TarMember {
  /** UTF-8; bytes that are not become `%XX`. Nothing else is changed: it may be hostile. */
  readonly name: string;
  readonly kind: MemberKind;
  /** Of the body as it stands in the tar, in bytes; a sparse member's is not that of its content. */
  readonly size: number;
  /** Readable once, and only until the next member is asked for; what is left of it then is skipped. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Long names and extended headers above this are an attack on our memory. */
const MAX_METADATA_BYTES = 1024 * 1024;
const TAIL_CHUNK_BYTES = 512 * 1024;
const ZEROS = Buffer.alloc(TAIL_CHUNK_BYTES);

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
  S: 'sparse',
};

/** Kinds that have no body, whatever size their header states. */
const BODILESS: readonly MemberKind[] = ['directory', 'symlink', 'hardlink', 'device', 'fifo'];

/** What extended headers have said about the member that comes next. */
interface Overrides {
  longName: Uint8Array | undefined;
  pax: PaxFacts | undefined;
}

interface Walk {
  readonly bytes: TarBytes;
  readonly progress: TarProgress;
  globals: PaxFacts;
}

/**
 * The members of a tar in their order. Ends only at two zero blocks with nothing but zeros behind them.
 *
 * Throws `TAR_INCOMPLETE` where the bytes end before that, `TAR_CORRUPT` where they are not a tar.
 */
export async function* walkMembers(
  bytes: TarBytes,
  progress: TarProgress,
): AsyncGenerator<TarMember, void, undefined> {
  const walk: Walk = { bytes, progress, globals: {} };
  let overrides: Overrides | undefined;
  for (;;) {
    const header = await nextHeader(walk);
    if (header === undefined) {
      if (overrides !== undefined) throw corrupt(walk, 'an extended header has no member behind it');
      return;
    }
    if ('LKxXg'.includes(header.type)) {
      overrides ??= { longName: undefined, pax: undefined };
      await takeMetadata(walk, header, overrides);
      if (header.type === 'g' && overrides.longName === undefined && overrides.pax === undefined) {
        overrides = undefined; // a global header may be the last thing in a tar
      }
      continue;
    }
    yield* oneMember(walk, header, overrides);
    overrides = undefined;
    progress.members += 1;
  }
}

async function* oneMember(
  walk: Walk,
  header: TarHeader,
  overrides: Overrides | undefined,
): AsyncGenerator<TarMember, void, undefined> {
  const { name, kind, size } = memberFacts(header, walk.globals, overrides);
  if (header.mapContinues) await skipSparseMap(walk);
  const body = openBody(walk, size);
  yield { name, kind, size, body: body.chunks };
  await body.close();
}

function memberFacts(
  header: TarHeader,
  globals: PaxFacts,
  overrides: Overrides | undefined,
): { name: string; kind: MemberKind; size: number } {
  const pax = { ...globals, ...overrides?.pax };
  const name = pax.path ?? overrides?.longName ?? header.name;
  const stated = KINDS[header.type] ?? 'other';
  // before there was a type for directories, their names ended in a slash
  const old = header.type === '\0' && name.at(-1) === 0x2f;
  const kind = old ? 'directory' : stated === 'file' && pax.sparse === true ? 'sparse' : stated;
  return { name: decodeName(name), kind, size: BODILESS.includes(kind) ? 0 : (pax.size ?? header.size) };
}

/** The next header; undefined at the end, once everything up to the last byte was seen to be zero. */
async function nextHeader(walk: Walk): Promise<TarHeader | undefined> {
  const offset = walk.bytes.position;
  const header = readHeader(await block(walk, 'a header or the end marker of two zero blocks'));
  if (header.kind === 'header') return header;
  if (header.kind === 'bad') throw tarFault('TAR_CORRUPT', walk.progress, offset, header.reason);
  const second = readHeader(await block(walk, 'the second zero block of the end marker'));
  if (second.kind !== 'zero')
    throw corrupt(walk, 'a single zero block, its twin was expected: a hole in the tar?');
  await expectZeros(walk);
  return undefined;
}

async function expectZeros({ bytes, progress }: Walk): Promise<void> {
  for (;;) {
    const offset = bytes.position;
    const chunk = await bytes.read(TAIL_CHUNK_BYTES);
    if (chunk === undefined) return;
    if (ZEROS.subarray(0, chunk.length).equals(chunk)) continue;
    const at = offset + chunk.findIndex((byte) => byte !== 0);
    throw tarFault('TAR_CORRUPT', progress, at, 'data behind the end marker, only zeros were expected');
  }
}

async function takeMetadata(walk: Walk, header: TarHeader, overrides: Overrides): Promise<void> {
  if (header.size > MAX_METADATA_BYTES) {
    throw corrupt(
      walk,
      `an extended header of ${header.size} bytes, at most ${MAX_METADATA_BYTES} were expected`,
    );
  }
  const content = await readUpTo(walk.bytes, header.size);
  if (content.length < header.size) throw endsEarly(walk, `${header.size} bytes of an extended header`);
  await skipExactly(walk, paddingOf(header.size), 'the padding of an extended header');
  if (header.type === 'K') return; // the target of a link: links are never followed
  if (header.type === 'L') {
    overrides.longName = Buffer.from(untilNul(content)); // a copy: the window it is in may be large
    return;
  }
  const pax = readPax(Buffer.from(content));
  if (pax === undefined)
    throw corrupt(walk, 'an extended header that is no list of "length key=value" lines');
  if (header.type === 'g') walk.globals = { ...walk.globals, ...pax };
  else overrides.pax = { ...overrides.pax, ...pax };
}

async function skipSparseMap(walk: Walk): Promise<void> {
  while (sparseMapContinues(await block(walk, 'the rest of a sparse member’s map')));
}

/** A member's body: `close` passes over what of it and its padding nobody read. */
function openBody(
  walk: Walk,
  size: number,
): { readonly chunks: AsyncIterable<Uint8Array>; close(): Promise<void> } {
  const { bytes } = walk;
  const end = bytes.position + size;
  let closed = false;
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      if (closed) throw new Error('the body of a member was read after the next member was asked for');
      if (bytes.position >= end) return;
      const chunk = await bytes.read(end - bytes.position);
      if (chunk === undefined) throw endsEarly(walk, `${end - bytes.position} more bytes of a member`);
      yield chunk;
    }
  }
  return {
    chunks: { [Symbol.asyncIterator]: chunks },
    async close() {
      closed = true;
      await skipExactly(walk, end - bytes.position, 'a member');
      await skipExactly(walk, paddingOf(size), 'the padding of a member');
    },
  };
}

async function block(walk: Walk, expected: string): Promise<Uint8Array> {
  const found = await readUpTo(walk.bytes, BLOCK_BYTES);
  if (found.length < BLOCK_BYTES) throw endsEarly(walk, expected);
  return found;
}

async function skipExactly(walk: Walk, bytes: number, expected: string): Promise<void> {
  const skipped = await walk.bytes.skip(bytes);
  if (skipped < bytes) throw endsEarly(walk, `${bytes - skipped} more bytes of ${expected}`);
}

function paddingOf(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

function corrupt({ bytes, progress }: Walk, what: string): Error {
  return tarFault('TAR_CORRUPT', progress, bytes.position, what);
}

function endsEarly({ bytes, progress }: Walk, expected: string): Error {
  return tarFault('TAR_INCOMPLETE', progress, bytes.position, `the tar ends, expected: ${expected}`);
}
