import type { PaxSparse } from './pax-sparse.ts';
import { fittingMap, readMapOfBody, readOldMap, type SparseMap, type StatedMap } from './sparse-map.ts';
import { block, type Walk, type WalkOptions } from './walk-state.ts';
import type { TarHeader } from './header.ts';

/** A sparse member as it was before it was stored. */
export interface SparseContent {
  /** With its holes, in bytes. */
  readonly size: number;
  readonly body: AsyncIterable<Uint8Array>;
}

type Turns = Pick<WalkOptions, 'signal' | 'yieldTurn'>;

const MAP = 'the rest of a sparse member’s map';
const ZEROS = Buffer.alloc(256 * 1024);

/** The map of a header of GNU tar's old format. Throws `TAR_INCOMPLETE`. */
export function oldMapOf(walk: Walk, header: TarHeader): Promise<StatedMap> {
  return readOldMap(header, () => block(walk, MAP));
}

/**
 * The content of a sparse member of which `storedBytes` stand in the tar, from here on: `stored`. Undefined where its map says nothing
 * that fits them. Throws `TAR_INCOMPLETE`.
 */
export async function sparseContent(
  walk: Walk,
  stated: StatedMap | PaxSparse,
  stored: AsyncIterable<Uint8Array>,
  storedBytes: number,
): Promise<SparseContent | undefined> {
  if (walk.held !== undefined) return undefined; // a link that brings bytes along: no writer makes it sparse
  const isMapInBody = 'isMapInBody' in stated && stated.isMapInBody;
  const map = isMapInBody ? await mapOfBody(walk, stated.size, storedBytes) : fittingMap(stated, storedBytes);
  return map && { size: map.size, body: expanded(map, stored, walk.options) };
}

async function mapOfBody(
  walk: Walk,
  size: number | undefined,
  storedBytes: number,
): Promise<SparseMap | undefined> {
  const found = await readMapOfBody(storedBytes, () => block(walk, MAP));
  return found && fittingMap({ size, numbers: found.numbers }, storedBytes - found.mapBytes);
}

/** The content of a sparse member whose parts are `stored`, one after the other. */
async function* expanded(
  { size, extents }: SparseMap,
  stored: AsyncIterable<Uint8Array>,
  turns: Turns,
): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = stored[Symbol.asyncIterator]();
  let chunk: Uint8Array = new Uint8Array(0);
  let position = 0;
  for (const { offset, bytes } of extents) {
    yield* zeros(offset - position, turns);
    position = offset + bytes;
    for (let left = bytes; left > 0;) {
      if (chunk.length === 0) {
        const next = await chunks.next();
        if (next.done === true) throw new Error(`${left} bytes of a sparse member are not there`);
        chunk = next.value;
      }
      const part = chunk.subarray(0, left);
      chunk = chunk.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }
  yield* zeros(size - position, turns);
}

/** A hole is not read, so it would leave the event loop no turn. */
async function* zeros(bytes: number, { signal, yieldTurn = nextTurn }: Turns): AsyncGenerator<Uint8Array> {
  for (let left = bytes; left > 0; left -= ZEROS.length) {
    await yieldTurn();
    signal?.throwIfAborted();
    yield ZEROS.subarray(0, Math.min(left, ZEROS.length));
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
