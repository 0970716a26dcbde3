import type { DatabaseSettings } from '../../platform/config/index.ts';
import { exportTables, type ExportResult, type ExportSettings } from '../export/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import type { Job } from '../../platform/jobs/index.ts';
import type { Maintenance } from './maintenance.ts';
import { inPlace } from './in-place.ts';

/** What an export job did, as the journal keeps it and commands print it. */
export interface ExportOutcome extends Omit<ExportResult, 'at'> {
  readonly at: string;
}

/** Writes the tables as their export says, then removes what its `keep` does not keep. */
export function exportJob(
  maintenance: Maintenance,
  database: DatabaseSettings,
  entry: ExportSettings,
): Job<ExportOutcome> {
  const id = `export ${database.name} ${entry.name}`;
  return {
    id,
    lock: id,
    files: [database.path, entry.dir],
    when: { cron: entry.cron },
    ...(entry.ping !== undefined && { ping: entry.ping }),
    run: async (signal) => {
      const done = await inPlace(maintenance, entry.dir, () =>
        exportTables(maintenance, database, entry, signal),
      );
      return { ...done, at: isoTime(done.at) };
    },
  };
}
