import type { FileHandle } from 'node:fs/promises';
import { WavspoolError } from '../../domain/faults.ts';
import { createYielder, createQuickReader, systemClock } from '../runtime/index.ts';
import {
  WINDOW_BYTES,
  openTar,
  readUpTo,
  seekingBytes,
  type SeekingOptions,
  type TarBytes,
} from './bytes.ts';
import { compressionOf, MAGIC_BYTES } from './decompress.ts';
import { doubtOfDamage, doubtOfEnd, type Doubt } from './doubt.ts';
import type { Ending, TarEnd } from './end.ts';
import { systemFault } from './fault.ts';
import { readTar } from './read-tar.ts';
import { walkMembers, type TarMember } from './walk.ts';

/** Reading does not wait while it is quick, so the event loop gets its turn this often. */
const YIELD_MS = 10;
/** A tar is mostly proved seconds after it was written. */
const read = createQuickReader(systemClock);
/** Memory of proofs that have ended: what is dropped instead stays until the next collection, hundreds of megabytes. */
const unused: Buffer[] = [];

export type Completeness =
  | {
      readonly kind: 'complete';
      readonly members: number;
      /** The sum of all bodies, unpacked. */
      readonly bytes: number;
      readonly end: ProvedEnd;
      /** Why its end may be zeros that are still to be filled. */
      readonly doubt?: Doubt;
    }
  | {
      readonly kind: 'incomplete';
      readonly reason: string;
      /** All but `cut` may be how its writer ends tars: see {@link Ending}. */
      readonly ending: Exclude<Ending, 'marker'>;
    }
  | { readonly kind: 'corrupt'; readonly reason: string; readonly doubt?: Doubt };

/** What the end marker looks like: whether it may be zeros that are still to be filled. All 0 for a usual tar. */
export interface ProvedEnd extends Pick<TarEnd, 'zerosBehind' | 'leftovers' | 'strayZeroBlocks'> {
  /**
   * So many zeros does the last body end with, of those that were looked at: silence, or what a preallocating program has still
   * to write. 0 for a compressed tar, whose checksum vouches for it.
   */
  readonly zeroTail: number;
  /** Bytes of the file that take up no room on the disk. */
  readonly holeBytes: number;
}

/** Of the last body, so much is looked at. */
const BODY_TAIL_BYTES = 4096;

/** As stat counts what a file takes up on the disk. */
const STAT_BLOCK_BYTES = 512;

/** Proves tars that lie below `directory`: see {@link proveComplete}. */
export function proveBelow(directory: string): (path: string, signal?: AbortSignal) => Promise<Completeness> {
  return (path, signal) => proveComplete(path, signal, directory);
}

/**
 * Whether the tar at `path` is all there: the verdict that {@link readTar} would come to. Of a plain tar only the headers and
 * what is behind the end marker are read, so a damaged body goes unnoticed; a compressed one is unpacked as a whole. With `below` no
 * link is followed on the way there from that directory (P13).
 *
 * Throws `TAR_MISSING`, `FILE_UNREADABLE`, `HOST_FAILING`, or the signal's reason.
 */
export async function proveComplete(
  path: string,
  signal?: AbortSignal,
  below?: string,
): Promise<Completeness> {
  signal?.throwIfAborted();
  const file = await openTar(path, below);
  const memory = unused.pop() ?? Buffer.allocUnsafeSlow(WINDOW_BYTES);
  const proof: Proof = { path, file, memory, signal, end: undefined, bytes: undefined };
  try {
    return await prove(proof);
  } catch (error) {
    if (!(error instanceof WavspoolError)) throw error;
    const reason = error.message;
    if (error.code === 'TAR_INCOMPLETE') return { kind: 'incomplete', reason, ending: endingOf(proof) };
    if (error.code === 'TAR_UNSUPPORTED') return { kind: 'corrupt', reason };
    if (error.code !== 'TAR_CORRUPT') throw error;
    return { kind: 'corrupt', reason, ...doubted(await doubtOfDamage(file, proof.bytes?.position)) };
  } finally {
    unused.push(memory);
    await file.close();
  }
}

interface Proof {
  readonly path: string;
  readonly file: FileHandle;
  readonly memory: Buffer;
  readonly signal: AbortSignal | undefined;
  /** Known once the walk has come to it. */
  end: TarEnd | undefined;
  /** Those of a plain tar. */
  bytes: TarBytes | undefined;
}

function doubted(doubt: Doubt | undefined): { doubt?: Doubt } {
  return doubt === undefined ? {} : { doubt };
}

function endingOf({ end }: Proof): Exclude<Ending, 'marker'> {
  return end === undefined || end.ending === 'marker' ? 'cut' : end.ending;
}

async function prove(proof: Proof): Promise<Completeness> {
  const { path, file, memory, signal } = proof;
  const yieldTurn = createYielder(systemClock, YIELD_MS);
  const options: SeekingOptions = { memory, read, yieldTurn, signal };
  const onEnd = (end: TarEnd): void => void (proof.end = end);
  const start = await readUpTo(await seekingBytes(path, file, options), MAGIC_BYTES);
  const isPlain = compressionOf(start) === undefined;
  if (isPlain) proof.bytes = await seekingBytes(path, file, options);
  const members = proof.bytes
    ? walkMembers(proof.bytes, { path, members: 0 }, { onEnd })
    : readTar(path, { file, ...(signal === undefined ? {} : { signal }), onEnd });
  const counted = await count(members);
  const end = await provedEnd(proof, isPlain);
  const { zeroTail } = end;
  const body = isPlain ? { end: proof.end?.bodyEnd ?? 0, size: counted.lastBytes, zeroTail } : undefined;
  const doubt = await doubtOfEnd(file, { ...end, members: counted.members, body });
  const { members: found, bytes } = counted;
  return { kind: 'complete', members: found, bytes, end, ...doubted(doubt) };
}

async function provedEnd({ path, file, memory, end }: Proof, isPlain: boolean): Promise<ProvedEnd> {
  if (end === undefined) throw new Error(`${path} was read to its end, and nothing is known of it`);
  const { leftovers, strayZeroBlocks, bodyEnd = 0 } = end;
  const { size, blocks } = await file.stat();
  const tail = Math.min(BODY_TAIL_BYTES, isPlain ? bodyEnd : 0);
  const tailBytes = await read(file.fd, bodyEnd - tail, tail, memory).catch((error: unknown) => {
    throw systemFault(path, error);
  });
  return {
    zerosBehind: isPlain ? end.zerosBehind : 0,
    leftovers,
    strayZeroBlocks,
    zeroTail: tailBytes.length - 1 - tailBytes.findLastIndex((byte) => byte !== 0),
    holeBytes: Math.max(0, size - blocks * STAT_BLOCK_BYTES),
  };
}

interface Counted {
  readonly members: number;
  readonly bytes: number;
  /** Of the last member that has any. */
  readonly lastBytes: number;
}

async function count(tarMembers: AsyncIterable<TarMember>): Promise<Counted> {
  let members = 0;
  let bytes = 0;
  let lastBytes = 0;
  for await (const { size } of tarMembers) {
    members += 1;
    bytes += size;
    if (size > 0) lastBytes = size;
  }
  return { members, bytes, lastBytes };
}
