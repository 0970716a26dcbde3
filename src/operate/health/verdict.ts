import type { Facts } from './facts.ts';
import { heldWork } from './held-work.ts';
import { problemsOfHost } from './problems-of-host.ts';
import { problemsOfWork } from './problems-of-work.ts';
import { problemsOfState } from './problems-of-state.ts';
import { redisAway, stallsOf } from './stalls.ts';
import type { Verdict } from './types.ts';

/**
 * What follows from what was found at a site at `now` (ms since 1970). Whatever is not on its way is in it: as a problem where
 * an operator must act, as held where it goes on by itself.
 */
export function verdict(facts: Facts, now: number): Verdict {
  const away = redisAway(facts);
  const stalls = [...(away === undefined ? [] : [away]), ...stallsOf(facts, now)];
  return {
    alive: stalls.length === 0,
    attention: [
      ...problemsOfState(facts),
      ...stalls,
      ...problemsOfWork(facts, now),
      ...problemsOfHost(facts),
    ],
    held: heldWork(facts, now),
  };
}

/** Whether everything that landed is on its way, and no operator has to do anything. */
export function isWell({ alive, attention }: Verdict): boolean {
  return alive && attention.length === 0;
}
