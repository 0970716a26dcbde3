import { LEVELS, type Level } from '../../domain/event-levels.ts';
import type { EventName, Events, Report } from '../../domain/events.ts';

/** One event, as every sink hears it. */
export interface Reported {
  readonly event: EventName;
  readonly fields: Events[EventName];
  readonly level: Level;
  /** ms since 1970. */
  readonly at: number;
}

/** Hears each event at once, before `report` returns; it does not wait. */
export type Sink = (reported: Reported) => void;

/** What is reported in this process, and who hears it: the log, the metrics, a test. */
export interface Bus {
  /** Never throws. */
  readonly report: Report;
  /** The sink hears what is reported from now on, until what this returns is called. */
  readonly subscribe: (sink: Sink) => () => void;
}

/**
 * A bus without sinks; `now` returns ms since 1970. A sink that throws keeps neither the others nor the caller from going on:
 * the others hear `sink failed`.
 */
export function createBus(now: () => number): Bus {
  const sinks = new Set<Sink>();
  const deliver = (reported: Reported, to: readonly Sink[]): void => {
    for (const sink of to) {
      try {
        sink(reported);
      } catch (err) {
        const others = to.filter((other) => other !== sink);
        deliver({ event: 'sink failed', fields: { err }, level: LEVELS['sink failed'], at: now() }, others);
      }
    }
  };
  return {
    report: <E extends EventName>(event: E, fields: Events[E]): void =>
      deliver({ event, fields, level: LEVELS[event], at: now() }, [...sinks]),
    subscribe: (sink) => {
      const own: Sink = (reported) => sink(reported); // the same function may subscribe twice
      sinks.add(own);
      return () => void sinks.delete(own);
    },
  };
}
