import { isoTime, sqlTimestamp } from '../../platform/runtime/index.ts';
import type { LedgerCatalogue } from '../../domain/ledger.ts';

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

/** The last 24 hours of the clock at `now`, ms since 1970; the one that is not over yet comes last. Throws the ledger's faults. */
export async function ratesOfLastDay(
  catalogue: Pick<LedgerCatalogue, 'ended'>,
  now: number,
): Promise<readonly HourlyRate[]> {
  const thisHour = Math.floor(now / HOUR_MS);
  const hours = Array.from({ length: HOURS }, (_, at) => (thisHour - HOURS + 1 + at) * HOUR_MS);
  const ended = await catalogue.ended(
    hours.map((from) => ({ from: sqlTimestamp(from), to: sqlTimestamp(from + HOUR_MS) })),
  );
  return hours.map((from, at) => ({
    from: isoTime(from),
    uploaded: ended[at]?.SUCCESS ?? 0,
    failed: ended[at]?.FAILED ?? 0,
  }));
}
