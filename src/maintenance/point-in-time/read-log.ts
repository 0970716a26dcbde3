import {
  readWalFrames,
  readWalIndex,
  readWalStart,
  type LogSource,
  type WalEnd,
  type WalFrame,
  type WalIndex,
  type WalPosition,
} from '../../platform/sqlite/index.ts';
import { followLog } from './follow.ts';

/** Committed frames, and the bytes that they lie in. */
export interface LogChunk {
  readonly frames: readonly WalFrame[];
  readonly bytes: Buffer;
}

export type LogRead =
  /** `left` is the same place, as the index has it now. */
  | { readonly kind: 'nothing'; readonly left: WalEnd }
  | { readonly kind: 'gap'; readonly reason: string }
  | {
      readonly kind: 'commits';
      readonly pageSize: number;
      /** What they hold of pages. */
      readonly bytes: number;
      /** To be taken whole; its return value is where the last commit ends, or why it cannot be. */
      readonly chunks: () => Generator<LogChunk, WalEnd | string>;
    };

/**
 * What was committed behind `left`: frames of the log up to the last commit that the index knows of, never beyond. `locked`
 * says that the caller holds the write lock: then nothing can be in the middle of a change.
 */
export function readLog(source: LogSource, left: WalEnd, locked: boolean): LogRead {
  const unsettled: LogRead = locked
    ? { kind: 'gap', reason: 'the log and its index do not fit together' }
    : { kind: 'nothing', left }; // a writer is changing them: the next look will see what it did
  const index = readWalIndex(source);
  if (index === undefined) return unsettled;
  const follow = followLog(left, index, readWalStart(source));
  if (follow.kind === 'later') return unsettled;
  if (follow.kind === 'gap') return follow;
  if (follow.kind === 'nothing') return { kind: 'nothing', left: { ...left, commits: index.commits } };
  const { from, commits } = follow;
  return {
    kind: 'commits',
    pageSize: index.pageSize,
    bytes: (index.frames - from.frame) * index.pageSize,
    chunks: () => chunksOf(source, from, index, commits),
  };
}

function* chunksOf(
  source: LogSource,
  from: WalPosition,
  index: WalIndex,
  expected: number,
): Generator<LogChunk, WalEnd | string> {
  let position = from;
  let commits = 0;
  while (position.frame < index.frames) {
    const { frames, bytes, end } = readWalFrames(source, position, index.frames - position.frame);
    if (frames.length === 0) {
      return `frame ${position.frame + 1} of the log is not the one that was committed`;
    }
    commits += frames.filter(({ pageCount }) => pageCount > 0).length;
    yield { frames, bytes };
    position = end;
  }
  const [first, second] = index.checksum;
  if (position.checksum[0] !== first || position.checksum[1] !== second) {
    return 'the log does not end with the commit that its index names';
  }
  if (commits < expected) return `the log started over and holds ${commits} of ${expected} commits`;
  return { position, commits: index.commits };
}
