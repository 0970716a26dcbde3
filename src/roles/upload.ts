import type { RecordingsRole } from '../role.ts';
import { startUploads } from '../upload/index.ts';

/** Uploads queued recordings. */
export const uploadRole: RecordingsRole = { name: 'upload', start: startUploads };
