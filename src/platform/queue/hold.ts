import type { Report } from '../../domain/events.ts';
import type { Clock } from '../runtime/index.ts';
import type { HeldWork } from '../presence/index.ts';

/** What work waits for that is no fault of its own; it goes on by itself, and costs no retry. */
export interface Hold {
  /** The oldest reason why work waits now, for the heartbeat. */
  current(): HeldWork | undefined;
  /** Something waits. `who`: `everybody`, or the one that alone has to. Reported at first, and every 30 s. */
  waits(who: string, cause: string, message: string): void;
  /** One was done, or failed for its own sake: nothing keeps it waiting. */
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

/** What is held, and how it is reported. */
interface Work {
  readonly what: 'extraction' | 'upload';
  /** A reason that no process has named for so long is over, for what waited has gone elsewhere. */
  readonly forgetMs: number;
}

const WAITS = { extraction: 'extraction waits', upload: 'upload waits' } as const;
const GOES_ON = { extraction: 'extraction goes on', upload: 'upload goes on' } as const;

/** Nothing waits yet. */
export function createHold(clock: Clock, report: Report, { what, forgetMs }: Work): Hold {
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
      if (isToldAgain) report(WAITS[what], { reason: message });
      waiting.set(who, {
        held: { what, cause, message, since: before?.held.since ?? clock.now() },
        startedMs: before?.startedMs ?? now,
        reportedMs: isToldAgain ? now : before.reportedMs,
        renewedMs: now,
      });
    },
    goesOn: (who) => {
      const before = waiting.get(who);
      if (before === undefined) return;
      waiting.delete(who);
      report(GOES_ON[what], { waitedMs: Math.round(clock.monotonicMs() - before.startedMs) });
    },
  };
}
