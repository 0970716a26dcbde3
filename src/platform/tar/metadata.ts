import { readUpTo } from './bytes.ts';
import { tarFault } from './fault.ts';
import { BLOCK_BYTES, untilNul, type TarHeader } from './header.ts';
import { decodeName } from './name.ts';
import { readPax } from './pax.ts';
import { UNKNOWN_SPARSE } from './pax-sparse.ts';
import {
  corrupt,
  endsEarly,
  paddingOf,
  skipExactly,
  type Facts,
  type Overrides,
  type Walk,
} from './walk-state.ts';

/** Honest tars have up to four: a global header, one of the member's own, its long name, its long target. */
const MAX_METADATA_HEADERS = 64;
/** Sixteen times what Linux allows for a path: no file ever had such a name. */
const MAX_NAME_BYTES = 64 * 1024;

/** Whether a header says something of the member behind it, or of all that follow. */
export function isMetadata({ type }: TarHeader): boolean {
  return 'LKxXg'.includes(type);
}

/**
 * Takes what an extended header says; returns what is known then of the member behind it, undefined for nothing. Throws
 * `TAR_INCOMPLETE` or `TAR_CORRUPT`.
 */
export async function takeMetadata(
  walk: Walk,
  header: TarHeader,
  before: Overrides | undefined,
): Promise<Overrides | undefined> {
  walk.metadataHeaders += 1;
  if (walk.metadataHeaders > MAX_METADATA_HEADERS) {
    const found = `${walk.metadataHeaders} extended headers before one member`;
    throw corrupt(walk, `${found}, at most ${MAX_METADATA_HEADERS} were expected`);
  }
  const overrides = await withMetadata(walk, header, before);
  await skipExactly(walk, paddingOf(header.size), 'the padding of an extended header');
  return overrides;
}

async function withMetadata(
  walk: Walk,
  header: TarHeader,
  before: Overrides | undefined,
): Promise<Overrides | undefined> {
  if (header.type === 'L') return { ...before, longName: await longName(walk, header) };
  if (header.type === 'K') return { ...before, longTarget: await longName(walk, header) };
  const facts = await paxFacts(walk, header.size);
  if (header.type !== 'g') return { ...before, pax: { ...before?.pax, ...facts } };
  // no map fits all members
  walk.globals = {
    ...walk.globals,
    ...facts,
    ...(facts.sparse === undefined ? {} : { sparse: UNKNOWN_SPARSE }),
  };
  return before; // a global header may be the last thing in a tar
}

/** The name that is the body of an old GNU header. */
async function longName(walk: Walk, { size }: TarHeader): Promise<string> {
  if (size > MAX_NAME_BYTES + BLOCK_BYTES) throw tooLong(walk, size);
  const content = await readUpTo(walk.bytes, size);
  if (content.length < size) throw endsEarly(walk, `${size} bytes of an extended header`);
  return nameFrom(walk, untilNul(content));
}

async function paxFacts(walk: Walk, size: number): Promise<Facts> {
  const at = walk.bytes.position;
  const pax = await readPax(walk.bytes, size, MAX_NAME_BYTES);
  if (pax === undefined) throw endsEarly(walk, `${size} bytes of an extended header`);
  if ('fault' in pax) throw tarFault('TAR_CORRUPT', walk.progress, at, pax.fault);
  const { path, linkPath, ...rest } = pax;
  return {
    ...rest,
    ...(path === undefined ? {} : { path: path && nameFrom(walk, path) }),
    ...(linkPath === undefined ? {} : { linkPath: linkPath && nameFrom(walk, linkPath) }),
  };
}

function nameFrom(walk: Walk, bytes: Uint8Array): string {
  if (bytes.length <= MAX_NAME_BYTES) return decodeName(bytes);
  throw tooLong(walk, bytes.length);
}

function tooLong(walk: Walk, bytes: number): Error {
  return corrupt(walk, `a name of ${bytes} bytes, at most ${MAX_NAME_BYTES} were expected`);
}
