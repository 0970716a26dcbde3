// Whether a write-ahead log can be followed from where it was left. Pure; the rules are those of docs/point-in-time.md.

/** Where the last shipped commit ends. */
interface Left {
  readonly sequence: number;
  readonly salt: string;
  readonly frame: number;
  readonly checksum: readonly [number, number];
}

/** What the index says of the log's end, and the header that the log begins with. */
interface Present {
  readonly frames: number;
  readonly salt: string;
  readonly checksum: readonly [number, number];
}

export type Follow<Position> =
  | { readonly kind: 'nothing' }
  /** The log is being started over: look again. */
  | { readonly kind: 'later' }
  | { readonly kind: 'read'; readonly from: Position }
  | { readonly kind: 'gap'; readonly reason: string };

/**
 * What to read next while our read transaction protects the log: it can have been started over once, and only when all that
 * it held had been shipped. `left` is undefined when the log was empty then; `start` is the beginning of the present log.
 */
export function followLog<Position extends Left>(
  left: Position | undefined,
  now: Present,
  start: Position | undefined,
): Follow<Position> {
  if (left !== undefined && now.salt === left.salt) return followSame(left, now);
  if (now.frames === 0) return { kind: 'nothing' };
  if (start?.salt !== now.salt) return { kind: 'later' };
  if (left !== undefined && start.sequence !== (left.sequence + 1) % 2 ** 32) {
    const reason = `the log was started over unseen: from number ${left.sequence} to ${start.sequence}`;
    return { kind: 'gap', reason };
  }
  return { kind: 'read', from: start };
}

/** Whether a log that nobody protected in between still holds all that was committed since. */
export function canResume(
  left: Left | undefined,
  now: Present | undefined,
  start: Left | undefined,
): boolean {
  if (left === undefined || now === undefined || start?.sequence !== left.sequence) return false;
  return now.salt === left.salt && followSame(left, now).kind !== 'gap';
}

function followSame<Position extends Left>(left: Position, now: Present): Follow<Position> {
  if (now.frames > left.frame) return { kind: 'read', from: left };
  if (now.frames < left.frame)
    return { kind: 'gap', reason: 'commits that were shipped are gone from the log' };
  return now.checksum[0] === left.checksum[0] && now.checksum[1] === left.checksum[1]
    ? { kind: 'nothing' }
    : { kind: 'gap', reason: 'the log holds other commits than those that were shipped' };
}
