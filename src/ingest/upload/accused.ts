/**
 * Recordings on whose account the store was called away. One that has been, again and again, while others got through in
 * between, is refused for its own sake: without this, one key that the store never takes would pause all uploads for ever
 * wherever no question can tell the two apart.
 */
export interface Accused {
  /** Another recording ended in the bucket. */
  succeeded(recording: string): void;
  /** The store would be called away on account of this recording; true when it is the recording's own fault after all. */
  accuse(recording: string): boolean;
  /** Whether it was accused since it last got through. */
  has(recording: string): boolean;
}

/** So often it may be chance. */
const PATIENCE = 3;
/** More are not remembered; the oldest are forgotten first. */
const MOST = 1000;

/** An empty list of the accused. */
export function createAccused(): Accused {
  let successes = 0;
  const known = new Map<string, { readonly times: number; readonly successes: number }>();
  return {
    succeeded: (recording) => {
      successes += 1;
      known.delete(recording);
    },
    accuse: (recording) => {
      const before = known.get(recording) ?? { times: 0, successes: -1 };
      if (before.times >= PATIENCE) return true;
      // without a success in between it is one and the same outage
      const times = before.successes < successes ? before.times + 1 : before.times;
      known.delete(recording);
      known.set(recording, { times, successes });
      const [oldest] = known.keys();
      if (known.size > MOST && oldest !== undefined) known.delete(oldest);
      return false;
    },
    has: (recording) => known.has(recording),
  };
}
