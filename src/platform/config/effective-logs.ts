import { matchesGlob } from 'node:path';
import { log } from './maintenance.ts';
import type { Settings } from './schema.ts';

/** Every night, and at once when it has grown large; a week of it is kept. */
const OWN_LOG = {
  cron: '10 0 * * *',
  rotate: 7,
  compress: true,
  missingok: true,
  notifempty: true,
  maxsize: '100MiB',
} as const;

/** The logs that the settings name, and wavspool's own unless one of them is it. */
export function effectiveLogs({ logs, paths }: Pick<Settings, 'logs' | 'paths'>): Settings['logs'] {
  if (logs.some(({ path }) => path === paths.log || matchesGlob(paths.log, path))) return logs;
  return [...logs, log.parse({ path: paths.log, ...OWN_LOG })];
}
