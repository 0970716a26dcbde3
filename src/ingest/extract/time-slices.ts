import type { YieldTurn, Clock } from '../../platform/runtime/index.ts';

/** A {@link YieldTurn} for each of several tars that are extracted in one thread. */
export type TimeSlices = () => YieldTurn;

/** Reading and writing never wait, so the event loop gets its turn this often. */
const SLICE_MS = 10;
/** What most tars need. */
const TURN_MS = 1000;

interface Waiting {
  readonly rank: number;
  /** It has not had a whole turn yet. */
  readonly isNew: boolean;
  readonly resume: () => void;
}

/**
 * Lets one tar go on at a time, the one that came first, until it is done or had its turn; then it lines up behind the others.
 * Slices handed around would let all of them end at the same, late moment, and their uploads begin there. Where some had turns
 * already, every second slice is for those that had none: what is small does not wait behind a row of large ones. A tar that waits for
 * something else (its sync, an unpacker) holds up none.
 */
export function createTimeSlices(clock: Clock): TimeSlices {
  let tickets = 0;
  let waiting: Waiting[] = [];
  let favoursNew = false;

  const resumeFirst = (): void => {
    favoursNew = !favoursNew;
    const isBefore = (one: Waiting, other: Waiting): boolean =>
      favoursNew && one.isNew !== other.isNew ? one.isNew : one.rank < other.rank;
    const first = waiting.reduce((one, other) => (isBefore(other, one) ? other : one));
    waiting = waiting.filter((other) => other !== first);
    if (waiting.length > 0) setImmediate(resumeFirst);
    first.resume();
  };

  return () => {
    let rank = tickets++;
    let turnMs = 0;
    let isNew = true;
    let last = clock.monotonicMs();
    return async () => {
      const sliceMs = clock.monotonicMs() - last;
      if (sliceMs < SLICE_MS) return;
      turnMs += sliceMs;
      if (turnMs > TURN_MS) {
        rank = tickets++;
        turnMs = 0;
        isNew = false;
      }
      await new Promise<void>((resume) => {
        waiting.push({ rank, isNew, resume });
        if (waiting.length === 1) setImmediate(resumeFirst);
      });
      last = clock.monotonicMs();
    };
  };
}
