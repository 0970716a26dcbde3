import { readUpTo, type TarBytes } from './bytes.ts';
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

/**
 * Whether the block that was read last and all that follows it is what stood at the same place of the record before, to the end of this
 * record and of the tar: what an old SharpZipLib leaves behind its single zero block. Nothing new can stand there, so nothing is lost. Says
 * how many bytes that is; undefined where it is anything else, and then nothing can be read on.
 */
export async function staleRecord({ bytes }: Walk): Promise<number | undefined> {
  if (!(await repeatsTheRecordBefore(bytes, BLOCK_BYTES))) return undefined;
  const more = recordEnd(bytes.position) - bytes.position;
  if ((await bytes.skip(more)) < more || (await bytes.read(1)) !== undefined) return undefined;
  const stale = BLOCK_BYTES + more;
  return (await repeatsTheRecordBefore(bytes, stale)) ? stale : undefined;
}

async function repeatsTheRecordBefore(bytes: TarBytes, length: number): Promise<boolean> {
  const both = await bytes.before(RECORD_BYTES + length);
  if (both.length < RECORD_BYTES + length) return false;
  return Buffer.compare(both.subarray(0, length), both.subarray(RECORD_BYTES)) === 0;
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
