import { WEEKLY_DRILL } from './maintenance.ts';
import type { Settings } from './schema.ts';

/**
 * Whether the settings want anything of the host's to be done at its times. Where they do not, as with snapshots before a deployment
 * alone, no role has to run: what wavspool does by itself (its own state and log, restore tests) is done once one does.
 */
export function runsByTheClock({
  databases,
  mirrors,
  logs,
}: Pick<Settings, 'databases' | 'mirrors' | 'logs'>): boolean {
  return (
    mirrors.length + logs.length > 0 ||
    databases.some(
      ({ snapshots, exports, pointInTime, drill }) =>
        snapshots.some(({ cron }) => cron !== undefined) ||
        exports.length > 0 ||
        pointInTime !== undefined ||
        drill !== WEEKLY_DRILL,
    )
  );
}
