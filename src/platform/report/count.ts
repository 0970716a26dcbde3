import type { EventName } from '../../domain/events.ts';
import type { Sink } from './bus.ts';

/** How often each event was reported, for the metrics. */
export interface EventCounts {
  readonly sink: Sink;
  readonly counts: () => Readonly<Partial<Record<EventName, number>>>;
}

/** Counts from 0. */
export function countEvents(): EventCounts {
  const counts: Partial<Record<EventName, number>> = {};
  return {
    sink: ({ event }) => {
      counts[event] = (counts[event] ?? 0) + 1;
    },
    counts: () => counts,
  };
}
