import type { FileHandle } from 'node:fs/promises';

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** The whole lines of the first `size` bytes of a file, the last first; what stands behind the last newline is not one yet. */
export async function* linesBackwards(handle: FileHandle, size: number): AsyncGenerator<string> {
  let end = size;
  /** What of a line stood in the chunks behind. */
  let rest: Buffer[] = [];
  let isWhole = false;
  while (end > 0) {
    const from = Math.max(0, end - CHUNK_BYTES);
    const chunk = Buffer.alloc(end - from);
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, from);
    if (bytesRead < chunk.length) return; // it was cut meanwhile
    let to = chunk.length;
    for (;;) {
      const at = to === 0 ? -1 : chunk.lastIndexOf(NEWLINE, to - 1);
      if (at < 0) break;
      const line = [chunk.subarray(at + 1, to), ...rest];
      if (isWhole) yield Buffer.concat(line).toString();
      isWhole = true;
      rest = [];
      to = at;
    }
    rest = [chunk.subarray(0, to), ...rest];
    end = from;
  }
  if (isWhole && rest.some(({ length }) => length > 0)) yield Buffer.concat(rest).toString();
}
