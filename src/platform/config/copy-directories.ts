import { effectiveDatabases } from './effective-databases.ts';
import type { Settings } from './schema.ts';

/** The directories that the settings name for copies of any kind, each once. */
export function copyDirectories(
  settings: Pick<Settings, 'databases' | 'paths' | 'state' | 'mirrors' | 'logs'>,
): readonly string[] {
  const directories = [
    ...effectiveDatabases(settings).flatMap(({ snapshots, exports, pointInTime }) => [
      ...[...snapshots, ...exports].map(({ dir }) => dir),
      ...(pointInTime === undefined ? [] : [pointInTime.dir]),
    ]),
    ...settings.mirrors.map(({ dir }) => dir),
    ...settings.logs.flatMap(({ dir }) => dir ?? []),
  ];
  return [...new Set(directories)];
}
