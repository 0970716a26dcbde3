import type { Settings } from './schema.ts';

export type DatabaseSettings = Settings['databases'][number];

/** The name of the state store's own entry among the databases. */
export const STATE_DATABASE = 'state';

/** The databases that the settings name, with state.db's own entry, without schedules, unless they name one `state`. */
export function effectiveDatabases(
  settings: Pick<Settings, 'databases' | 'paths'>,
): readonly DatabaseSettings[] {
  if (settings.databases.some((database) => database.name === STATE_DATABASE)) return settings.databases;
  const state = { name: STATE_DATABASE, path: settings.paths.state, snapshots: [], exports: [], asserts: [] };
  return [state, ...settings.databases];
}
