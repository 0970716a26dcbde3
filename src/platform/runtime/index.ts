// What every folder stands on: time and chance as arguments, files that are whole or absent, limits on what runs at once.
export { isBelow, isWithin, pathBelow } from './below.ts';
export { createYielder, type YieldTurn } from './yielder.ts';
export { childEnvironment } from './child-environment.ts';
export { isJournalled, serviceManager, type ServiceManager } from './service-manager.ts';
export {
  dateOf,
  isoTime,
  isoTimestamp,
  parseTime,
  sqlTimestamp,
  systemClock,
  systemRandom,
  type Clock,
  type Random,
} from './clock.ts';
export {
  compressionOf,
  isUnpackFault,
  packers,
  unpackers,
  withSuffix,
  withoutSuffix,
  type Compression,
} from './compression.ts';
export { connectUnix, failedSocket } from './connect-unix.ts';
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
export { every, type Repeating } from './every.ts';
export { giveBackMemory } from './give-back-memory.ts';
export { residentBytes } from './resident-bytes.ts';
export { startGrace, type Grace } from './grace.ts';
export { sha256IfThere, sha256OfFile } from './hash-file.ts';
export { isDirectoryFailing, isDiskFailing, isOfHost } from './host-errors.ts';
export { http } from './http.ts';
export { listenUnix } from './listen-unix.ts';
export { lowerPriority } from './lower-priority.ts';
export { offLoop, serveOffLoop } from './off-loop.ts';
export { createSyncFirst } from './sync-first.ts';
export { createQuickReader, readExactly, readExactlyNow, type ReadExactly } from './read-exactly.ts';
export { roundedSize } from './rounded-size.ts';
export { runProgram, runProgramWhileAlive, type Ended } from './run-program.ts';
export { isReservedName, RESERVED_NAMES } from './reserved-names.ts';
export { strangeDirectory } from './strange-directory.ts';
export { within } from './within.ts';
export { createSemaphore, type Held, type Semaphore } from './semaphore.ts';
export { certificateAuthorities } from './certificate-authorities.ts';
export { readNamedFile } from './read-named-file.ts';
export { runInProcess, serveTask } from './task-process.ts';
export { writeFault } from './write-fault.ts';
