import type { Settings } from '../platform/config/index.ts';
import type { Report } from '../domain/events.ts';
import type { Queues } from '../platform/queue/index.ts';
import type { Clock, Random } from '../platform/runtime/index.ts';
import type { Ledger } from '../domain/ledger.ts';

/** What the way of a tar works with, from the landing directory to the bucket. */
export interface IngestDeps {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly random: Random;
  readonly report: Report;
  readonly ledger: Pick<Ledger, 'tars' | 'recordings' | 'normalise'>;
  readonly queues: Queues;
}
