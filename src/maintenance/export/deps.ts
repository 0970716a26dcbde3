import type { DatabaseSettings } from '../../platform/config/index.ts';
import type { Report } from '../../domain/events.ts';
import type { Clock } from '../../platform/runtime/index.ts';

/** An entry of a database's `exports`. */
export type ExportSettings = DatabaseSettings['exports'][number];

export interface ExportDeps {
  readonly clock: Clock;
  readonly report: Report;
  readonly timezone: string;
  /** The id of the data directory. */
  readonly origin: string;
  readonly databases: readonly DatabaseSettings[];
  readonly dataDirectory: string;
}
