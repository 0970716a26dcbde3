import { startExtraction } from '../../ingest/extract/index.ts';
import type { RecordingsRole } from '../run-roles.ts';

/** Extraction runs ahead of the uploads, which are what users wait for: it takes a third of a core that both want. */
const NICE = 5;

/** Unpacks queued tars. */
export const extractRole: RecordingsRole = { name: 'extract', nice: NICE, start: startExtraction };
