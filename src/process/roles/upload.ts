import type { RecordingsRole } from '../run-roles.ts';
import { startUploads } from '../../ingest/upload/index.ts';

/** Uploads queued recordings. */
export const uploadRole: RecordingsRole = { name: 'upload', start: startUploads };
