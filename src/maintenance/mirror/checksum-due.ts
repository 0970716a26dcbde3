/**
 * Whether this run is the monthly pass that compares contents instead of sizes and times: the first one of each month (in
 * `timezone`) that runs at all. The very first mirror reads everything anyway.
 */
export function isChecksumDue(now: number, lastPassAt: number | undefined, timezone: string): boolean {
  return lastPassAt === undefined || monthOf(now, timezone) !== monthOf(lastPassAt, timezone);
}

function monthOf(at: number, timezone: string): string {
  const local = Temporal.Instant.fromEpochMilliseconds(Math.floor(at)).toZonedDateTimeISO(timezone);
  return local.toPlainDate().toPlainYearMonth().toString();
}
