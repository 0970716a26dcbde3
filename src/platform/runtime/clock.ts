/** Time as an argument: `now()` for what is stored, `monotonicMs()` for durations, `sleep` for waiting. */
export interface Clock {
  /** Milliseconds since 1970, UTC; may jump when the host's clock is set. */
  now(): number;
  /** Milliseconds since an arbitrary moment; never goes back. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when `signal` aborts; it never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
    }),
};

/** A number in [0, 1), for jitter. */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();

/** `YYYY-MM-DD HH:MM:SS` in UTC, the form of every timestamp in `state.db`. */
export function sqlTimestamp(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** The ISO 8601 form of a timestamp of `state.db`. */
export function isoTimestamp(timestamp: string): string {
  return `${timestamp.replace(' ', 'T')}Z`;
}

/** ISO 8601 in UTC, the form of every time in JSON. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** For libraries that take no number. */
export function dateOf(ms: number): Date {
  return new Date(ms);
}

/** ms since 1970 of a time in ISO 8601; NaN when it is none. */
export function parseTime(text: string): number {
  return Date.parse(text);
}
