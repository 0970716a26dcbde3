// Operators stop the taking of work with a reason and, if they like, an end; it holds across restarts and a lost Redis.
export { drain, inFlight } from './drain.ts';
export { PAUSABLE, type Pausable, type Pause, type Pauses } from './pause-record.ts';
export {
  isPaused,
  meantBy,
  pausedByAll,
  pauseQueues,
  readPauses,
  reapplyPauses,
  resumeQueues,
} from './pause.ts';
