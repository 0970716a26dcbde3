import {
  readWalFrames,
  readWalIndex,
  readWalStart,
  type LogSource,
  type WalEnd,
  type WalFrame,
  type WalIndex,
  type WalPosition,
} from '../../../platform/sqlite/index.ts';

// Whether a write-ahead log can be followed from where it was left. Pure; docs/point-in-time.md says why it holds.

/** A place in a log. */
interface Place {
  readonly salt: string;
  readonly frame: number;
  readonly checksum: readonly [number, number];
}

/** Where the last shipped commit ends. */
interface Left<Position> {
  /** undefined when the log was empty. */
  readonly position: Position | undefined;
  /** What the index had counted then; undefined when that is not known: then the log must not have started over since. */
  readonly commits: number | undefined;
}

/** What the index says of the log's end. */
interface Present {
  readonly frames: number;
  readonly salt: string;
  readonly checksum: readonly [number, number];
  readonly commits: number;
}

export type Follow<Position> =
  | { readonly kind: 'nothing' }
  /** The log is being started over: look again. */
  | { readonly kind: 'later' }
  /** Read on from there; at least `commits` commits must follow, or some were missed. */
  | { readonly kind: 'read'; readonly from: Position; readonly commits: number }
  | { readonly kind: 'gap'; readonly reason: string };

const COUNTER = 2 ** 32;

/**
 * What to read next. The same log is followed by its running checksum, which nothing but the very next commit continues. One
 * that started over must hold as many commits as the index has counted since: the header's sequence number, of which every
 * connection has its own, says nothing when several processes write. `start` is the beginning of the present log.
 */
export function followLog<Position extends Place>(
  left: Left<Position>,
  now: Present,
  start: Position | undefined,
): Follow<Position> {
  const { position } = left;
  if (position !== undefined && now.salt === position.salt) return followSame(position, now);
  if (left.commits === undefined) {
    return { kind: 'gap', reason: 'the log started over before it was read again' };
  }
  const commits = (now.commits - left.commits + COUNTER) % COUNTER;
  if (now.frames === 0) {
    if (commits === 0) return { kind: 'nothing' };
    return { kind: 'gap', reason: 'the log was emptied, and commits with it that were not shipped' };
  }
  return start?.salt === now.salt ? { kind: 'read', from: start, commits } : { kind: 'later' };
}

/** Whether a log that was not protected in between still holds all that was committed since. */
export function canResume(
  left: Place | undefined,
  now: Present | undefined,
  start: Pick<Place, 'salt'> | undefined,
): boolean {
  if (left === undefined || now === undefined) return false;
  if (now.salt !== left.salt || start?.salt !== left.salt) return false;
  return followSame(left, now).kind !== 'gap';
}

function followSame<Position extends Place>(left: Position, now: Present): Follow<Position> {
  if (now.frames > left.frame) return { kind: 'read', from: left, commits: 1 };
  if (now.frames < left.frame)
    return { kind: 'gap', reason: 'commits that were shipped are gone from the log' };
  return now.checksum[0] === left.checksum[0] && now.checksum[1] === left.checksum[1]
    ? { kind: 'nothing' }
    : { kind: 'gap', reason: 'the log holds other commits than those that were shipped' };
}

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
  const undecided: LogRead = locked
    ? { kind: 'gap', reason: 'the log and its index do not fit together' }
    : { kind: 'nothing', left }; // a writer is changing them: the next look will see what it did
  const index = readWalIndex(source);
  if (index === undefined) return undecided;
  const follow = followLog(left, index, readWalStart(source));
  if (follow.kind === 'later') return undecided;
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
