import type { Report } from '../../domain/events.ts';
import type { Clock } from '../runtime/index.ts';

/** What lasts is reported at first, then this often. */
export const REPEAT_MS = 30_000;

/** Reports that Redis refuses, at first and every 30 s while it lasts. */
export function repeatedly(report: Report, clock: Clock): (err: Error) => void {
  let reportedAt = Number.NEGATIVE_INFINITY;
  let times = 0;
  return (err) => {
    times += 1;
    if (clock.monotonicMs() - reportedAt < REPEAT_MS) return;
    reportedAt = clock.monotonicMs();
    report('redis refuses', { err, times });
  };
}
