// What one process of a site's hosts does at a time. All of it throws LEDGER_AWAY while the ledger is away.

/** The right to do what a lease is named after. Each new holder gets a higher term. */
export interface Tenure {
  readonly name: string;
  readonly holder: string;
  readonly term: number;
}

/** Rights that one holder has at a time, for a while, by the clock of the ledger. */
export interface Leases {
  /** Takes the lease for `termMs` where it is free or has run out; undefined while another holder has it. Safe to repeat. */
  take(name: string, holder: string, termMs: number): Promise<Tenure | undefined>;
  /** Another `termMs` from now on; false when another holder has had it meanwhile. */
  renew(tenure: Tenure, termMs: number): Promise<boolean>;
  /** Throws LEASE_LOST when another holder has it: for what no transaction can make final. */
  requireHeld(tenure: Tenure): Promise<void>;
  /** Lets another holder have it at once. */
  release(tenure: Tenure): Promise<void>;
}
