/** A body of which the first bytes were looked at. */
interface PeekedBody {
  /** The first bytes; fewer than asked for where the body is shorter. */
  readonly start: Uint8Array;
  /** All of it, from its first byte. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Looks at the first `bytes` of a body that can be read once. */
export async function peekBody(body: AsyncIterable<Uint8Array>, bytes: number): Promise<PeekedBody> {
  const chunks = body[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  while (start.length < bytes) {
    const next = await chunks.next();
    if (next.done === true) break;
    start = Buffer.concat([start, next.value]); // a copy: a chunk is good until the next is asked for
  }
  async function* whole(): AsyncGenerator<Uint8Array, void, undefined> {
    if (start.length > 0) yield start;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  }
  return { start: start.subarray(0, bytes), body: whole() };
}

/** Bytes that {@link beginsAsWav} looks at. */
export const WAV_START_BYTES = 4;

/** Whether bytes begin as those of a WAV file, of any of its kinds. */
export function beginsAsWav(start: Uint8Array): boolean {
  return ['RIFF', 'RIFX', 'RF64', 'BW64'].includes(Buffer.from(start).toString('latin1'));
}
