/** Why something lies in the landing directory and is not taken. */
export const LANDING_REASONS = [
  'waiting',
  'incomplete',
  'no marker',
  'unreadable',
  'name not UTF-8',
  'no pattern',
] as const;
export type LandingReason = (typeof LANDING_REASONS)[number];

/** Something that lies in the landing directory and is not taken, or not yet. */
export interface Untaken {
  /** Absolute; bytes that are not UTF-8 as `%XX`. */
  readonly path: string;
  readonly reason: LandingReason;
  /** For people. */
  readonly detail: string;
  readonly bytes: number;
  /** When it last changed by the host's own clock, which no client sets; ms since 1970. */
  readonly changedMs: number;
  /** How long it may lie there before an operator has to do something about it, in ms; Infinity where it goes on by itself. */
  readonly patienceMs: number;
}

/** What lies there for one reason. */
export interface LandingFigures {
  readonly count: number;
  readonly bytes: number;
  readonly oldestSeconds: number;
  /** True when some of it does not go on by itself. */
  readonly needsAttention: boolean;
}

export type Landing = Readonly<Partial<Record<LandingReason, LandingFigures>>>;

/** Whether an operator has to do something about it; `now` in ms since 1970. */
export function needsAttention({ changedMs, patienceMs }: Untaken, now: number): boolean {
  return now - changedMs >= patienceMs;
}

const EXAMPLES = 3;

/** What there is for one reason, with the first few paths. */
interface Sum {
  count: number;
  bytes: number;
  oldestMs: number;
  /** When the first of them needs attention, ms since 1970. */
  attentionMs: number;
  readonly examples: string[];
}

function nothing(): Sum {
  return { count: 0, bytes: 0, oldestMs: Infinity, attentionMs: Infinity, examples: [] };
}

/** Counts by reason; in memory it is six sums, however much lies there. */
export interface Tally {
  readonly add: (one: Untaken) => void;
  /** Another tally's sums on top of these. */
  figures(now: number, others?: Tally): Landing;
  readonly sums: ReadonlyMap<LandingReason, Readonly<Sum>>;
}

/** Begins with nothing. */
export function createTally(): Tally {
  const sums = new Map<LandingReason, Sum>();
  return {
    sums,
    add: ({ path, reason, bytes, changedMs, patienceMs }) => {
      const sum = sums.get(reason) ?? nothing();
      sums.set(reason, sum);
      sum.count += 1;
      sum.bytes += bytes;
      sum.oldestMs = Math.min(sum.oldestMs, changedMs);
      sum.attentionMs = Math.min(sum.attentionMs, changedMs + patienceMs);
      if (sum.examples.length < EXAMPLES) sum.examples.push(path);
    },
    figures: (now, others) => {
      const figures = LANDING_REASONS.flatMap((reason) => {
        const found = [sums.get(reason), others?.sums.get(reason)].filter((sum) => sum !== undefined);
        if (found.length === 0) return [];
        const changedMs = Math.min(...found.map(({ oldestMs }) => oldestMs));
        const one: LandingFigures = {
          count: found.reduce((sum, { count }) => sum + count, 0),
          bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
          oldestSeconds: Math.max(0, Math.round((now - changedMs) / 1000)),
          needsAttention: found.some(({ attentionMs }) => attentionMs <= now),
        };
        return [[reason, one] as const];
      });
      return Object.fromEntries(figures);
    },
  };
}
