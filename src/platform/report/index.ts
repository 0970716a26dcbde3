// What is reported in a process goes over one bus; the log, the metrics and tests subscribe to it.
export { createBus, type Bus, type Reported, type Sink } from './bus.ts';
export { countEvents, type EventCounts } from './count.ts';
