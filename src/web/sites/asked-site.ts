import { FAULTS, faultCode, messageOf, type FaultCode } from '../../domain/faults.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';

/** A site that did not answer, as the API tells it. */
export interface Unasked {
  readonly site: string;
  readonly error: string;
  readonly code: FaultCode;
  readonly remedy: string;
  /** When it was first found so by this dashboard, ISO in UTC. */
  readonly since: string;
}

/** What each site was last found to be. */
export interface Reached {
  /** Resolves with what `ask` gives, or why it gives nothing and since when. */
  try<T>(site: string, ask: () => Promise<T>): Promise<{ readonly value: T } | { readonly unasked: Unasked }>;
}

/** Keeps since when a site does not answer. */
export function keepReached(clock: Clock): Reached {
  const since = new Map<string, number>();
  return {
    try: async (site, ask) => {
      try {
        const value = await ask();
        since.delete(site);
        return { value };
      } catch (error) {
        const code = faultCode(error);
        if (FAULTS[code].exit === 3 && !since.has(site)) since.set(site, clock.now());
        const unasked = {
          site,
          error: messageOf(error),
          code,
          remedy: FAULTS[code].remedy,
          since: isoTime(since.get(site) ?? clock.now()),
        };
        return { unasked };
      }
    },
  };
}
