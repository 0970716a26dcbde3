/** Jobs that are due at times: when, by whom, whether they ran. Start at run-job.ts; due.ts decides. */
export { missedSince, nextRun } from './due.ts';
export { openJournal, type Journal, type Run, type Trigger } from './journal.ts';
export { dueNow, runDue, runJob, takeTurn, type Job } from './run-job.ts';
