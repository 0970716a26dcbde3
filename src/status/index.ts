// What goes on at a site in one JSON-ready value, and whether that is healthy: the same for the command line, the page, the
// metrics and the liveness checks.
export { collectStatus, type Pauses, type StatusDeps } from './collect.ts';
export { healthOfRole, judgeHealth, type Health } from './health.ts';
export { ratesOfLastDay, type HourlyRate } from './rates.ts';
export type {
  DatabaseStatus,
  DiskStatus,
  LogStatus,
  PointInTimeStatus,
  QueueStatus,
  ScheduleStatus,
  Status,
} from './status.ts';
