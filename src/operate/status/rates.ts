import { isoTime, sqlTimestamp } from '../../platform/runtime/index.ts';
import type { StateStore } from '../../domain/ledger.ts';

const HOUR_MS = 3_600_000;
const HOURS = 24;

/** What became of recordings within an hour. */
export interface HourlyRate {
  /** When it began, ISO in UTC. */
  readonly from: string;
  readonly uploaded: number;
  /** Whose last try failed within it and that have not been uploaded since. */
  readonly failed: number;
}

/** The last 24 hours of the clock at `now`, ms since 1970; the one that is not over yet comes last. Throws SQLite's errors. */
export function ratesOfLastDay(state: Pick<StateStore, 'endedBetween'>, now: number): readonly HourlyRate[] {
  const thisHour = Math.floor(now / HOUR_MS);
  return Array.from({ length: HOURS }, (_, at) => {
    const from = (thisHour - HOURS + 1 + at) * HOUR_MS;
    const { SUCCESS, FAILED } = state.endedBetween(sqlTimestamp(from), sqlTimestamp(from + HOUR_MS));
    return { from: isoTime(from), uploaded: SUCCESS, failed: FAILED };
  });
}
