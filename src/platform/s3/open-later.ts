import type { Report } from '../../domain/events.ts';
import type { Settings } from '../config/index.ts';
import type { Clock } from '../runtime/index.ts';
import type { ObjectStore } from './object-store.ts';

export interface StoreUser {
  readonly settings: Pick<Settings, 's3' | 'upload'>;
  readonly report: Report;
  readonly clock: Clock;
}

/**
 * The store that the settings name. Opening sends nothing; `check()` finds out whether it serves. The client is loaded here, at half a
 * second of CPU: only a process that has to do with a store pays for it.
 */
export async function openStore({ settings, report, clock }: StoreUser): Promise<ObjectStore> {
  const { openS3Store } = await import('./s3.ts');
  const { concurrency, multipartBytes } = settings.upload;
  return openS3Store({ ...settings.s3, concurrency, multipartBytes }, report, clock);
}
