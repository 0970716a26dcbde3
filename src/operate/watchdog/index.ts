// Alive means progress: a role whose work waits and does not get done is given a new worker, and at last ends, so that whoever
// supervises it starts it again.
export { PATIENCE, type Sample, type WatchdogLimits } from './decide.ts';
export { BLOCKED_MS, guardLoop } from './loop-guard.ts';
export { watchProgress, type Watched, type Watching } from './watch-progress.ts';
