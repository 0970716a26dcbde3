import type { EventName, Report } from '../../domain/events.ts';
import { countEvents, createBus, type Sink } from '../report/index.ts';
import type { Clock } from '../runtime/index.ts';
import { createLog, type LogOptions } from './create.ts';

/** A process's reports: who may hear them, how many there were, and the log that they go to. */
export interface Reporting {
  readonly report: Report;
  /** The sink hears what is reported in this process from now on, until what this returns is called. */
  readonly subscribe: (sink: Sink) => () => void;
  /** How often each event was reported since the start, for the metrics. */
  readonly counts: () => Readonly<Partial<Record<EventName, number>>>;
  /** Closes the log file. */
  readonly close: () => void;
}

/** A bus with the log and the counts on it. */
export function openReporting(options: LogOptions, clock: Pick<Clock, 'now'>): Reporting {
  const bus = createBus(clock.now);
  const log = createLog(options);
  const counted = countEvents();
  bus.subscribe(log.sink);
  bus.subscribe(counted.sink);
  return { ...bus, counts: counted.counts, close: () => log.close() };
}
