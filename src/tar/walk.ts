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
  /**
   * Readable once, and only until the next member is asked for; what is left of it then is skipped. Each chunk is good until
   * the next is asked for.
   */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Long names and extended headers before one member, in all: what is above is an attack on our memory and our time. */
const MAX_METADATA_BYTES = 1024 * 1024;
/** Honest tars have up to four: a global header, one of the member's own, its long name, its long target. */
const MAX_METADATA_HEADERS = 64;
/** Sixteen times what Linux allows for a path: no file ever had such a name. */
const MAX_NAME_BYTES = 64 * 1024;
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

/** {@link PaxFacts} with the name as text: decoded once, where a global header may stand for a million members. */
type Facts = Omit<PaxFacts, 'path'> & { readonly path?: string | null };

/** What extended headers have said about the member that comes next. */
interface Overrides {
  longName: string | undefined;
  pax: Facts | undefined;
}

interface Walk {
  readonly bytes: TarBytes;
  readonly progress: TarProgress;
  globals: Facts;
  /** Extended headers since the last member. */
  metadataHeaders: number;
  metadataBytes: number;
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
  const walk: Walk = { bytes, progress, globals: {}, metadataHeaders: 0, metadataBytes: 0 };
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
    walk.metadataHeaders = 0;
    walk.metadataBytes = 0;
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
  globals: Facts,
  overrides: Overrides | undefined,
): { name: string; kind: MemberKind; size: number } {
  const pax = { ...globals, ...overrides?.pax };
  const name = pax.path ?? overrides?.longName ?? decodeName(header.name);
  const stated = KINDS[header.type] ?? 'other';
  // before there was a type for directories, their names ended in a slash
  const old = header.type === '\0' && name.endsWith('/');
  const kind = old ? 'directory' : stated === 'file' && pax.sparse === true ? 'sparse' : stated;
  return { name, kind, size: BODILESS.includes(kind) ? 0 : (pax.size ?? header.size) };
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
  countMetadata(walk, header.size);
  const content = await readUpTo(walk.bytes, header.size);
  if (content.length < header.size) throw endsEarly(walk, `${header.size} bytes of an extended header`);
  await skipExactly(walk, paddingOf(header.size), 'the padding of an extended header');
  if (header.type === 'K') return; // the target of a link: links are never followed
  if (header.type === 'L') {
    overrides.longName = longName(walk, untilNul(content));
    return;
  }
  const pax = readPax(content);
  if (pax === undefined)
    throw corrupt(walk, 'an extended header that is no list of "length key=value" lines');
  const facts = decoded(walk, pax);
  if (header.type === 'g') walk.globals = { ...walk.globals, ...facts };
  else overrides.pax = { ...overrides.pax, ...facts };
}

function countMetadata(walk: Walk, size: number): void {
  walk.metadataHeaders += 1;
  walk.metadataBytes += size;
  if (walk.metadataBytes > MAX_METADATA_BYTES) {
    throw corrupt(
      walk,
      `${walk.metadataBytes} bytes of extended headers before one member, at most ${MAX_METADATA_BYTES} were expected`,
    );
  }
  if (walk.metadataHeaders > MAX_METADATA_HEADERS) {
    throw corrupt(
      walk,
      `${walk.metadataHeaders} extended headers before one member, at most ${MAX_METADATA_HEADERS} were expected`,
    );
  }
}

function decoded(walk: Walk, { path, ...rest }: PaxFacts): Facts {
  if (path === undefined) return rest;
  return { ...rest, path: path === null ? null : longName(walk, path) };
}

function longName(walk: Walk, bytes: Uint8Array): string {
  if (bytes.length <= MAX_NAME_BYTES) return decodeName(bytes);
  throw corrupt(walk, `a name of ${bytes.length} bytes, at most ${MAX_NAME_BYTES} were expected`);
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
