import { readUpTo } from './bytes.ts';
import { RECORD_BYTES, recordEnd } from './end.ts';
import { tarFault } from './fault.ts';
import { BLOCK_BYTES, readHeader, type TarHeader } from './header.ts';
import type { Walk } from './walk-state.ts';

const TAIL_CHUNK_BYTES = 512 * 1024;
const ZEROS = Buffer.alloc(TAIL_CHUNK_BYTES);

/**
 * Passes over the rest of the record that holds the marker, where AIX and Ant leave what was in their buffer; says how many bytes
 * of it were no zeros. A header that did not stand in the record before is no leftover: members may be lost behind a hole.
 */
export async function passLeftovers(walk: Walk): Promise<number> {
  const { bytes } = walk;
  const end = recordEnd(bytes.position);
  let leftovers = 0;
  while (bytes.position < end) {
    const offset = bytes.position;
    const found = await readUpTo(bytes, BLOCK_BYTES);
    if (found.length === 0) break;
    if (
      found.length === BLOCK_BYTES &&
      readHeader(found).kind === 'header' &&
      !isLeftover(walk, offset, found)
    )
      throw behindTheEnd(walk, offset);
    leftovers += found.reduce((sum, byte) => sum + (byte === 0 ? 0 : 1), 0);
  }
  return leftovers;
}

function isLeftover(walk: Walk, offset: number, block: Uint8Array): boolean {
  return walk.recent.some(
    (one) => one.offset === offset - RECORD_BYTES && Buffer.compare(one.block, block) === 0,
  );
}

/** Keeps a header for {@link passLeftovers}. */
export function remember({ recent }: Walk, offset: number, { block }: TarHeader): void {
  while ((recent[0]?.offset ?? offset) < offset - RECORD_BYTES) recent.shift();
  recent.push({ offset, block });
}

/** How many zeros there are up to the last byte. Throws `TAR_CORRUPT` at anything else. */
export async function expectZeros(walk: Walk): Promise<number> {
  const { bytes } = walk;
  for (let zeros = 0; ;) {
    const offset = bytes.position;
    const chunk = await bytes.read(TAIL_CHUNK_BYTES);
    if (chunk === undefined) return zeros;
    if (!ZEROS.subarray(0, chunk.length).equals(chunk))
      throw behindTheEnd(walk, offset + chunk.findIndex((byte) => byte !== 0));
    zeros += chunk.length;
  }
}

function behindTheEnd({ progress }: Walk, offset: number): Error {
  return tarFault('TAR_CORRUPT', progress, offset, 'data behind the end marker, only zeros were expected');
}
