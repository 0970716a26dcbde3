import type { DatabaseSettings, Settings } from '../../platform/config/index.ts';
import type { Report } from '../../domain/events.ts';
import type { Clock, Random } from '../../platform/runtime/index.ts';
import type { Journal } from '../../platform/jobs/index.ts';
import type { ObjectStore } from '../../platform/s3/index.ts';

/** What the jobs that keep the host work with. `close` ends what they opened. */
export interface Maintenance {
  readonly settings: Settings;
  readonly databases: readonly DatabaseSettings[];
  readonly clock: Clock;
  readonly random: Random;
  readonly report: Report;
  readonly journal: Journal;
  /** The same for those processes of this machine whose jobs, but for those in their data directory, are the same. */
  readonly host: string;
  /** Whether a job's files lie in this data directory, which no other host has. */
  readonly isOwn: (job: string) => boolean;
  readonly timezone: string;
  readonly dataDirectory: string;
  /** The id of the data directory, which tells this wavspool's copies from another's. */
  readonly origin: string;
  /** The site's store, loaded and opened when it is first asked for: most processes that keep the host never need it. */
  store(): Promise<ObjectStore>;
  close(): void;
}
