// Work in flight: three BullMQ queues of a site, how their jobs are named, run and ended, and what the site's processes
// tell each other through Redis. Nothing in here is the truth; all of it can be rebuilt from the disk and state.db.
export { createHold, EVERYBODY, type Hold } from './hold.ts';
export {
  extractWork,
  givenUpWork,
  retryWork,
  uploadJobId,
  uploadJobs,
  uploadWork,
  type Payload,
  type QueuedWork,
} from './jobs.ts';
export { QUEUES, type QueueKind } from './names.ts';
export { priorityOf } from '../../domain/arrival-order.ts';
export { openQueues, openQueuesNow, type Queues } from './open.ts';
export type { Heartbeat, HeldWork, Presence } from '../presence/index.ts';
export type { OwnStall, RunningRole } from './running-role.ts';
export type { Shared, StoreOutage } from './shared.ts';
export type { QueueCounts, WorkQueue } from './work-queue.ts';
export type { Outcome } from './job-runner.ts';
export type { RunningWorker } from './worker.ts';
