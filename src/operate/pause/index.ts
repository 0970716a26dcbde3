// Operators stop the taking of work with a reason and, if they like, an end; it holds across restarts and a lost Redis.
export { drain, inFlight } from './drain.ts';
export {
  PAUSABLE,
  isOver,
  pausedByAll,
  pauseQueues,
  readPauses,
  reapplyPauses,
  resumeQueues,
  type Pausable,
  type Pause,
  type Pauses,
} from './pause.ts';
