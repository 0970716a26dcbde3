// Jobs that are due at times: when, by whom, whether they ran. Start at run-job.ts. A timer or the maintenance queue wakes; due.ts
// decides.
export { missedSince, nextRun } from './due.ts';
export { openJournal, type Journal, type Run, type Trigger } from './journal.ts';
export { dueNow, runJob, type Job } from './run-job.ts';
export { scheduledJobs, type ScheduledJob } from './scheduled-jobs.ts';
export { wakeByQueue } from './wake-by-queue.ts';
export { wakeByTimer } from './wake-by-timer.ts';
