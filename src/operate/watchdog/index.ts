// Alive means progress: a role whose work waits and does not get done is given a new worker, and at last ends, so that its
// supervisor starts it again.
export { PATIENCE, type Sample, type WatchdogLimits } from './decide.ts';
export { BEAT_MS, BLOCKED_MS, beatForSupervisor, guardLoop } from './loop-guard.ts';
export { watchProgress, type Watched, type Watching } from './watch-progress.ts';
