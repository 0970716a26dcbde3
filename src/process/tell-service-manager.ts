import type { Report } from '../domain/events.ts';
import type { Clock, ServiceManager } from '../platform/runtime/index.ts';

/** What the manager is told; a failure is reported, and nothing else depends on it. */
export async function tell(
  manager: ServiceManager | undefined,
  report: Report,
  ...lines: readonly string[]
): Promise<void> {
  try {
    await manager?.tell(...lines);
  } catch (err) {
    report('service manager not told', { lines: lines.join(' '), err });
  }
}

/**
 * Gives the manager its signs of life until `signal`, as long as `isAlive` says so: the verdict that the process's own watchdog
 * comes to (P11). A process that is stalled, or whose event loop is blocked, gives none, and the manager starts it anew.
 */
export async function giveSigns(
  manager: ServiceManager | undefined,
  isAlive: () => boolean,
  { clock, report }: { readonly clock: Clock; readonly report: Report },
  signal: AbortSignal,
): Promise<void> {
  const everyMs = manager?.signEveryMs;
  if (everyMs === undefined) return;
  while (!signal.aborted) {
    if (isAlive()) await tell(manager, report, 'WATCHDOG=1');
    await clock.sleep(everyMs, signal);
  }
}
