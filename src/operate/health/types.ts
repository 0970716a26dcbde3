/** Something that an operator must do something about. */
export interface Problem {
  /** What kind it is, and of what: `overdue:snapshot state daily`. The same problem keeps its id. */
  readonly id: string;
  /** Since when, ISO in UTC; null where it cannot be told. */
  readonly since: string | null;
  /** A sentence: who does what, or what is wrong. */
  readonly what: string;
  /** What does not happen because of it. */
  readonly effect: string;
  readonly remedy: string;
  /** The command that mends it, or that says more; null where there is none. */
  readonly command: string | null;
}

/** Work that waits. */
export interface HeldWork {
  /** `landing`, `extraction` or `upload`. */
  readonly what: string;
  /** One word: `paused`, `storage`, `retry`, a reason of the landing directory, or what a role says of itself. */
  readonly cause: string;
  readonly reason: string;
  /** ISO in UTC; null where it cannot be told. */
  readonly since: string | null;
  /** How many tars or recordings wait; null where it cannot be told. */
  readonly count: number | null;
}

/** How a site is: the one value that the page, `status` and its exit code, `/healthz`, the metrics and `audit` derive from. */
export interface Verdict {
  /** The processes make progress: no work waits that no role does. */
  readonly alive: boolean;
  readonly attention: readonly Problem[];
  readonly held: readonly HeldWork[];
}
