// What every folder stands on: time and dice as arguments, files that are whole or absent, limits on what runs at once.
export {
  isoTime,
  isoTimestamp,
  parseTime,
  sqlTimestamp,
  systemClock,
  systemDice,
  type Clock,
  type Dice,
} from './clock.ts';
export { guardDirectory, type DirectoryGuard } from './directory-guard.ts';
export {
  abandonedTemporaries,
  growFile,
  makeDirectory,
  publishUnlessTaken,
  sweepTemporaries,
  syncDirectory,
  syncFile,
  temporaryPath,
  TEMPORARY_PREFIX,
  writeDurably,
  type GrowingFile,
} from './durable-file.ts';
export { offLoop, serveOffLoop } from './off-loop.ts';
export { runProgram, runProgramWhileAlive, type Ended } from './run-program.ts';
export { createSemaphore, type Held, type Semaphore } from './semaphore.ts';
