// Jobs that are due at times: when, by whom, whether they ran. Start at run-job.ts. A timer or the maintenance queue wakes; due.ts
// decides.
export { missedSince, nextRun } from './due.ts';
export { copiedJournal } from './copied-journal.ts';
export { journalOn, openJournal, type Journal } from './journal.ts';
export { TERM_MS, keepLease, type KeptLease } from './keep-lease.ts';
export { dueNow, runJob, type Job, type Keeper, type RunDeps } from './run-job.ts';
export { scheduledJobs, type ScheduledJob } from './scheduled-jobs.ts';
export { wakeByQueue } from './wake-by-queue.ts';
export { wakeByTimer } from './wake-by-timer.ts';
