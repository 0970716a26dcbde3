import type { Report } from '../events.ts';
import type { HeldWork } from '../queue/index.ts';
import type { Clock } from '../runtime/index.ts';

/** What extraction waits for; it goes on by itself, and costs no tar a retry. */
export interface Hold {
  /** The oldest reason why tars wait now, for the heartbeat. */
  current(): HeldWork | undefined;
  /** A tar waits. `who`: `everybody`, or the tar that alone has to. Reported at first, and every 30 s. */
  waits(who: string, cause: string, message: string): void;
  /** A tar was extracted, or failed for its own sake: nothing keeps everybody waiting. */
  goesOn(who: string): void;
}

export const EVERYBODY = 'everybody';
const REPORT_EVERY_MS = 30_000;

interface Waiting {
  readonly held: HeldWork;
  readonly startedMs: number;
  reportedMs: number;
  renewedMs: number;
}

/** `forgetMs`: a reason of which nobody has spoken for so long is over, for what waited has gone elsewhere. */
export function createHold(clock: Clock, report: Report, forgetMs: number): Hold {
  const waiting = new Map<string, Waiting>();
  const forget = (): void => {
    const now = clock.monotonicMs();
    for (const [who, { renewedMs }] of waiting) if (now - renewedMs > forgetMs) waiting.delete(who);
  };
  return {
    current: () => {
      forget();
      return [...waiting.values()].map(({ held }) => held).toSorted((a, b) => a.since - b.since)[0];
    },
    waits: (who, cause, message) => {
      forget();
      const now = clock.monotonicMs();
      const before = waiting.get(who);
      const isToldAgain = before === undefined || now - before.reportedMs >= REPORT_EVERY_MS;
      if (isToldAgain) report('extraction waits', { reason: message });
      waiting.set(who, {
        held: { what: 'extraction', cause, message, since: before?.held.since ?? clock.now() },
        startedMs: before?.startedMs ?? now,
        reportedMs: isToldAgain ? now : before.reportedMs,
        renewedMs: now,
      });
    },
    goesOn: (who) => {
      const before = waiting.get(who);
      if (before === undefined) return;
      waiting.delete(who);
      report('extraction goes on', { waitedMs: Math.round(clock.monotonicMs() - before.startedMs) });
    },
  };
}
