import type { Facts, Verdict } from '../health/index.ts';

/** What goes on at a site, ready for JSON: absent values are null, times ISO in UTC. */
export interface Status extends Facts {
  /** What follows from all of the rest. */
  readonly verdict: Verdict;
}
