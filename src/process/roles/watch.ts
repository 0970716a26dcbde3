import { startWatching } from '../../ingest/rescan/index.ts';
import type { RecordingsRole } from '../run-roles.ts';

/** Finds tars that are complete, and rebuilds the queues from the disk and state.db at start and at every rescan. */
export const watchRole: RecordingsRole = { name: 'watch', start: startWatching };
