// An operator's second chance for what failed: from the command line and from the dashboard alike.
export { chosenRecordings, chosenTars, type FailureChoice } from './chosen-failures.ts';
export { failureFilter, refuseUnknownCause, type FailureWords, type KnownWords } from './failure-filter.ts';
export { tryCanaries, type CanaryOutcome } from './canary.ts';
export { requeue, type Requeued, type RequeueRequest } from './requeue.ts';
