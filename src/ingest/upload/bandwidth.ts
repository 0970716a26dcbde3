import type { Clock } from '../../platform/runtime/index.ts';

/** A cap in bytes per second, or a timetable of caps that hold from each time of day on; null is no cap. */
export type BandwidthLimit = number | Readonly<Record<string, number | null>> | undefined;

/**
 * The cap that holds at `now` (ms since 1970) in `timezone`; undefined is no cap. Before a timetable's first time of the
 * day its last one of the day before holds.
 */
export function limitAt(limit: BandwidthLimit, now: number, timezone: string): number | undefined {
  if (limit === undefined || typeof limit === 'number') return limit;
  const time = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(now);
  const times = Object.keys(limit).toSorted();
  const from = times.findLast((start) => start <= time) ?? times.at(-1);
  return from === undefined ? undefined : (limit[from] ?? undefined);
}

export interface Bandwidth {
  /** Resolves when `bytes` may be sent, or at once when the signal aborts. */
  pass(bytes: number, signal: AbortSignal): Promise<void>;
}

/**
 * Spaces uploads so that `share` of the site's cap is kept on average; a recording is one unit, so a single large one may
 * exceed the cap for its own duration and is made up for afterwards.
 */
export function bandwidth(
  limit: BandwidthLimit,
  timezone: string,
  clock: Clock,
  share: () => number,
): Bandwidth {
  let freeAt = 0;
  return {
    pass: async (bytes, signal) => {
      const perSecond = limitAt(limit, clock.now(), timezone);
      if (perSecond === undefined) return;
      const now = clock.monotonicMs();
      const startAt = Math.max(now, freeAt);
      freeAt = startAt + (bytes * 1000) / Math.max(1, perSecond * share());
      if (startAt > now) await clock.sleep(startAt - now, signal);
    },
  };
}
