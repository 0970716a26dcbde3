import type { Report } from '../../domain/events.ts';
import type { Clock } from '../runtime/index.ts';
import type { ObjectStore } from './object-store.ts';
import type { S3StoreSettings } from './s3.ts';

/**
 * An S3-compatible store. Opening sends nothing; `check()` finds out whether it serves. The client is loaded here, at half a
 * second of CPU: for whom has to do with a store.
 */
export async function openS3Store(
  settings: S3StoreSettings,
  report: Report,
  clock: Clock,
): Promise<ObjectStore> {
  return (await import('./s3.ts')).openS3Store(settings, report, clock);
}
