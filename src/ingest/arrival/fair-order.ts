import { dirname } from 'node:path';

/** Tars of one place that want their turns. `lastTurn` counts turns, not time. */
interface Stream {
  readonly key: string;
  lastTurn: number;
  /** Tars of it that are open. */
  open: number;
  /** Of these, those whose proof takes long. */
  slow: number;
}

/** What a tar belongs to: what lies in its directory, and what lies below the same directory of the landing directory. */
export interface Streams {
  readonly directory: Stream;
  readonly top: Stream;
}

/** Something that waits for its turn. `orderMs`: by what it is put in order, ms since 1970, never in the future. */
export interface Waiting {
  readonly path: string;
  readonly orderMs: number;
  readonly streams: Streams;
}

/** The streams that have open tars, and how many turns were taken. */
export interface FairOrder {
  /** Enters a tar into its streams; `leave` takes it out. */
  enter(path: string): Streams;
  leave(streams: Streams): void;
  /** Chooses up to `most`, in the order in which their turns come, and of these only the first as `keep` says. */
  take<T extends Waiting>(waiting: Iterable<T>, most: number, keep?: (chosen: readonly T[]) => number): T[];
}

type Ordered = Pick<Waiting, 'path' | 'orderMs'>;
type InOrder = (a: Ordered, b: Ordered) => number;

/** Sorts newest or oldest first, the path deciding between equals. */
export function inArrivalOrder(order: 'newest' | 'oldest'): InOrder {
  const sign = order === 'oldest' ? 1 : -1;
  return (a, b) => sign * (a.orderMs - b.orderMs) || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
}

/** Turns below the landing directory. Memory: the directories that have open tars. */
export function createFairOrder(incoming: string, order: 'newest' | 'oldest'): FairOrder {
  const inOrder = inArrivalOrder(order);
  const streams = new Map<string, Stream>();
  let turn = 0;
  const enterOne = (key: string): Stream => {
    // a new one has had its turn just now: else a client that makes directories would always be first
    const stream = streams.get(key) ?? { key, lastTurn: turn, open: 0, slow: 0 };
    streams.set(key, stream);
    stream.open += 1;
    return stream;
  };
  return {
    enter: (path) => {
      const directory = dirname(path);
      const end = path.indexOf('/', incoming.length + 1);
      return {
        directory: enterOne(directory),
        top: enterOne(`/${path.slice(0, end === -1 ? incoming.length : end)}`),
      };
    },
    leave: ({ directory, top }) => {
      for (const stream of [directory, top]) {
        stream.open -= 1;
        if (stream.open === 0) streams.delete(stream.key);
      }
    },
    take: (waiting, most, keep = ({ length }) => length) => {
      const all = chooseTurns(waiting, most, turn, inOrder);
      const chosen = all.slice(0, keep(all));
      for (const { streams: own } of chosen) {
        turn += 1;
        own.directory.lastTurn = turn;
        own.top.lastTurn = turn;
      }
      return chosen;
    },
  };
}

/**
 * Half of the turns go to what is first in order, so that today's calls do not wait behind a backfill. A quarter goes to the
 * directory that has waited longest for a turn, a quarter to the directory of the landing directory that has: no stream of tars,
 * whatever its dates, starves another's.
 */
export function chooseTurns<T extends Waiting>(
  waiting: Iterable<T>,
  most: number,
  turn: number,
  inOrder: InOrder,
): T[] {
  const first: T[] = [];
  const ofDirectory = new Map<Stream, T>();
  const ofTop = new Map<Stream, T>();
  for (const one of waiting) {
    insert(first, one, most, inOrder);
    keepFirst(ofDirectory, one.streams.directory, one, inOrder);
    keepFirst(ofTop, one.streams.top, one, inOrder);
  }
  const chosen = new Set<T>();
  const queues = [first, longestWaiting(ofTop), first, longestWaiting(ofDirectory)].map((queue) =>
    queue.values(),
  );
  for (let at = turn, empty = 0; chosen.size < most && empty < queues.length; at += 1) {
    const next = queues[at % queues.length]?.find((one) => !chosen.has(one));
    if (next === undefined) empty += 1;
    else {
      empty = 0;
      chosen.add(next);
    }
  }
  return [...chosen];
}

function keepFirst<T extends Waiting>(of: Map<Stream, T>, stream: Stream, one: T, inOrder: InOrder): void {
  const before = of.get(stream);
  if (before === undefined || inOrder(one, before) < 0) of.set(stream, one);
}

function longestWaiting<T>(of: ReadonlyMap<Stream, T>): T[] {
  return [...of].toSorted(([a], [b]) => a.lastTurn - b.lastTurn).map(([, one]) => one);
}

/** Keeps the first `most` of what it is given, in order. */
function insert<T extends Waiting>(first: T[], one: T, most: number, inOrder: InOrder): void {
  const last = first.at(-1);
  if (first.length >= most && (last === undefined || inOrder(one, last) >= 0)) return;
  let from = 0;
  let to = first.length;
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    const other = first[middle];
    if (other !== undefined && inOrder(other, one) <= 0) from = middle + 1;
    else to = middle;
  }
  first.splice(from, 0, one);
  if (first.length > most) first.pop();
}
