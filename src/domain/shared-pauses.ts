/** What an operator has paused. Times are ISO 8601, UTC. */
export interface SharedPause {
  readonly what: string;
  readonly reason: string;
  readonly since: string;
  readonly until: string | null;
}

export interface SharedPauses {
  /** With whether its time is over, by the clock of the ledger. */
  read(): Promise<readonly (SharedPause & { readonly isOver: boolean })[]>;
  /** `forMs` undefined: until an operator removes it. */
  set(what: readonly string[], reason: string, forMs: number | undefined): Promise<void>;
  /** Takes one over from elsewhere, unless there is one. */
  adopt(pause: SharedPause): Promise<void>;
  /** Returns those that were there. */
  remove(what: readonly string[]): Promise<readonly string[]>;
}
