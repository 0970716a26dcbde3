// Removes what is not needed any more, when the settings ask for it: a tar's extracted files or the tar itself, and only after
// the store has confirmed every recording of that tar by hash (P6).
export { cleanUp, type CleanupDeps } from './clean-up.ts';
export { putBackInterrupted } from './note-removals.ts';
