import type { UsedParts } from '../../platform/config/index.ts';
import type { Presence } from '../../platform/presence/index.ts';
import { pausedByAll, pauseQueues, readPauses, type PauseDeps } from './pause.ts';

/** What draining works with. */
export interface DrainDeps extends PauseDeps {
  readonly parts: UsedParts;
  readonly presence: Presence;
}

const LOOK_MS = 250;

/** Pauses what is not paused, then waits until nothing is in flight, or until `signal` aborts. What was paused stays so. */
export async function drain(deps: DrainDeps, reason: string, signal?: AbortSignal): Promise<void> {
  const pauses = await readPauses(deps);
  const open = pausedByAll(deps.parts).filter((queue) => pauses[queue] === undefined);
  if (open.length > 0) await pauseQueues(deps, open, reason, undefined);
  const since = deps.clock.now();
  while ((await inFlight(deps, since)) > 0) {
    if (signal?.aborted === true) return;
    await deps.clock.sleep(LOOK_MS);
  }
}

/**
 * How many jobs run of those that can be paused. Without queues the roles tell it every few seconds: who has not since `since` counts
 * as one more.
 */
export async function inFlight(
  { queues, presence, parts }: Pick<DrainDeps, 'queues' | 'presence' | 'parts'>,
  since = 0,
): Promise<number> {
  if (queues === undefined) {
    const workers = (await presence.heartbeats()).filter(({ role }) => role === 'maintain');
    return workers.reduce((sum, { at, jobs }) => sum + (at < since ? 1 : (jobs?.active ?? 0)), 0);
  }
  const counts = await Promise.all(pausedByAll(parts).map((queue) => queues[queue].counts()));
  return counts.reduce((sum, { active }) => sum + active, 0);
}
