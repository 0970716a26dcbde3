import { join } from 'node:path';
import { WEEKLY_DRILL } from './maintenance.ts';
import { networkLedger } from './ledger-address.ts';
import type { Settings } from './schema.ts';

export type DatabaseSettings = Settings['databases'][number];

/** The name of the state store's own entry among the databases. */
export const STATE_DATABASE = 'state';

/**
 * The databases that the settings name, and state.db with a snapshot every night, kept for 30 days, unless they name one
 * `state` or the ledger is on PostgreSQL, whose copies are its operator's. One without snapshots has a schedule for those on request, which nothing removes.
 */
export function effectiveDatabases(
  settings: Pick<Settings, 'databases' | 'paths' | 'state'>,
): readonly DatabaseSettings[] {
  const byHand = {
    name: 'by-hand',
    dir: join(settings.paths.data, 'snapshots'),
    file: '{name}_{YYYY-MM-DD-HH-mm-ss}.db',
    compress: 'none',
    latest: false,
    mode: '0600',
  } as const;
  const named = settings.databases.map((database) =>
    database.snapshots.length > 0 ? database : { ...database, snapshots: [byHand] },
  );
  const isNamed = named.some((database) => database.name === STATE_DATABASE);
  if (isNamed || networkLedger(settings) !== undefined) return named;
  const nightly = {
    ...byHand,
    name: 'nightly',
    cron: '0 2 * * *',
    keep: { days: 30, weekday: 'sunday' },
  } as const;
  const state = {
    name: STATE_DATABASE,
    path: settings.paths.state,
    exports: [],
    asserts: [],
    drill: WEEKLY_DRILL,
  };
  return [{ ...state, snapshots: [nightly] }, ...named];
}
