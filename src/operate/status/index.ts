// What goes on at a site in one JSON-ready value with the verdict over it: the same for the command line, the page, the metrics
// and the liveness checks.
export { collectStatus, type StatusDeps } from './collect.ts';
export { lookAtQueues, type Pauses, type QueueFacts } from './queues.ts';
export { ratesOfLastDay, type HourlyRate } from './rates.ts';
export type { Status } from './status.ts';
