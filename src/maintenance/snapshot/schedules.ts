import type { DatabaseSettings } from '../../platform/config/index.ts';
import { WavspoolError } from '../../domain/faults.ts';

/** An entry of a database's `snapshots`: where a snapshot goes, what it is called, how long it stays. */
export type SnapshotSchedule = DatabaseSettings['snapshots'][number];

/** The database of that name. Throws USAGE, listing those there are. */
export function databaseNamed(databases: readonly DatabaseSettings[], name: string): DatabaseSettings {
  const found = databases.find((database) => database.name === name);
  if (found !== undefined) return found;
  const names = databases.map((database) => database.name).join(', ');
  throw new WavspoolError(
    'USAGE',
    `the settings name no database ${JSON.stringify(name)}; there are: ${names}`,
  );
}

/**
 * The schedules that a snapshot on request follows: with an event, all that are bound to it; without, the regular one, which is
 * the first with a cron pattern, else the first of all. Throws USAGE, listing the events there are.
 */
export function schedulesFor(
  { name, snapshots }: Pick<DatabaseSettings, 'name' | 'snapshots'>,
  event: string | undefined,
): readonly SnapshotSchedule[] {
  if (event === undefined)
    return [snapshots.find(({ cron }) => cron !== undefined) ?? snapshots[0]].filter(
      (one) => one !== undefined,
    );
  const bound = snapshots.filter(({ on }) => on === event);
  if (bound.length > 0) return bound;
  const events = [...new Set(snapshots.flatMap(({ on }) => on ?? []))];
  const there = events.length === 0 ? 'it has no events' : `its events are: ${events.join(', ')}`;
  throw new WavspoolError('USAGE', `no snapshot of ${name} is bound to ${JSON.stringify(event)}; ${there}`);
}
