// Disk against state.db against queues: what is open and has no job gets one again, after a lost event as after a lost Redis.
export { knownTars } from './tars.ts';
export { startWatching } from './start-watching.ts';
export { rescanNow, type Rescanned } from './rescan-now.ts';
export { ingestTars, ingestVersions, tarsToIngest, type Ingested } from './ingest.ts';
