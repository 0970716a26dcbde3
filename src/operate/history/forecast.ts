const HOUR_MS = 3_600_000;

/**
 * So many seconds until the disk is full if it goes on as from the first of these to the last; undefined where that is less than an
 * hour, or the disk does not fill.
 */
export function secondsUntilFull(
  samples: readonly { readonly at: number; readonly freeBytes: number }[],
): number | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.at - first.at < HOUR_MS) return undefined;
  const perSecond = (first.freeBytes - last.freeBytes) / ((last.at - first.at) / 1000);
  return perSecond <= 0 ? undefined : Math.round(last.freeBytes / perSecond);
}

/** So many seconds until what is pending is uploaded, at the pace of the last minutes; undefined where nothing is, or nothing goes. */
export function secondsUntilDone(pending: number, uploaded: number, withinMs: number): number | undefined {
  if (pending === 0 || uploaded === 0) return undefined;
  return Math.round(pending / (uploaded / (withinMs / 1000)));
}
