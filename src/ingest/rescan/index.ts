// Disk against state.db against queues: what is open and has no job gets one again, after a lost event as after a lost Redis.
export { reconcileUploads } from './reconcile.ts';
export { knownTars, queueTarsByDate } from './tars.ts';
export { startWatching } from './start-watching.ts';
export { ingestTars, type Ingested } from './ingest.ts';
