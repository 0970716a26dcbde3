import { effectiveDatabases, type DatabaseSettings, type Settings } from '../../platform/config/index.ts';
import type { Report } from '../../domain/events.ts';
import type { Clock, Random } from '../../platform/runtime/index.ts';
import { originOf } from '../record/index.ts';
import { openJournal, type Journal } from '../../platform/jobs/index.ts';
import { openS3Store, type ObjectStore } from '../../platform/s3/index.ts';

/** What the jobs that keep the host work with. `close` ends what they opened. */
export interface Maintenance {
  readonly settings: Settings;
  readonly databases: readonly DatabaseSettings[];
  readonly clock: Clock;
  readonly random: Random;
  readonly report: Report;
  readonly journal: Journal;
  readonly timezone: string;
  readonly dataDirectory: string;
  /** The id of the data directory, which tells this wavspool's copies from another's. */
  readonly origin: string;
  /** The site's store, loaded and opened when it is first asked for: most processes that keep the host never need it. */
  store(): Promise<ObjectStore>;
  close(): void;
}

/** Opens the journal. Throws STATE_UNUSABLE. */
export async function openMaintenance({
  settings,
  clock,
  random,
  report,
}: Pick<Maintenance, 'settings' | 'clock' | 'random' | 'report'>): Promise<Maintenance> {
  const journal = await openJournal(settings.paths.data);
  const origin = await originOf(settings.paths.data);
  let store: ObjectStore | undefined;
  return {
    settings,
    databases: effectiveDatabases(settings),
    clock,
    random,
    report,
    journal,
    timezone: settings.timezone,
    dataDirectory: settings.paths.data,
    origin,
    store: async () => {
      const { concurrency, multipartBytes } = settings.upload;
      const opened =
        store ?? (await openS3Store({ ...settings.s3, multipartBytes, concurrency }, report, clock));
      store ??= opened;
      if (store !== opened) opened.close(); // somebody else asked meanwhile
      return store;
    },
    close: () => {
      store?.close();
      journal.close();
    },
  };
}
