/** Beyond any limit that is set, and far below where a number loses its precision. */
const MOST_DOUBLINGS = 40;

/** How long to wait after so many failures in a row, the first being 1: `initialMs`, then twice as long each time, at most `maxMs`. */
export function backOffMs(failures: number, initialMs: number, maxMs: number): number {
  return Math.min(maxMs, initialMs * 2 ** Math.min(Math.max(0, failures - 1), MOST_DOUBLINGS));
}
