import { useAnswer, type Asked } from '../api.ts';
import { now } from '../here.ts';
import { place, refine } from '../router.ts';

/** What happened within a stretch of time. */
export interface Bin {
  readonly from: string;
  readonly uploaded: number | null;
  readonly failed: number | null;
  readonly bytes: number | null;
  readonly backlog: number | null;
  readonly oldestSeconds: number | null;
}

export interface Mark {
  readonly at: string;
  readonly until: string | null;
  readonly what: 'outage' | 'pause' | 'restart' | 'redis' | 'ledger';
  readonly said: string;
}

export interface Forecast {
  readonly diskFullSeconds: number | null;
  readonly backlogDoneSeconds: number | null;
}

export interface HistoryAnswer {
  readonly seconds: number;
  readonly rows: readonly Bin[];
  readonly marks: readonly Mark[];
  readonly forecast: Forecast;
}

/** Up to now, or between two times in UTC, as the API and the addresses of lists take them. */
export type Stretch =
  | { readonly kind: 'range'; readonly range: string }
  | { readonly kind: 'between'; readonly from: string; readonly to: string };

/** The stretch of time that stands in the address. */
export function stretchOf({ query } = place.value): Stretch {
  const [from, to] = [query.get('from'), query.get('to')];
  if (from !== null && to !== null) return { kind: 'between', from, to };
  return { kind: 'range', range: query.get('range') ?? '24h' };
}

export function stretchQuery(stretch: Stretch): string {
  const words = stretch.kind === 'range' ? { range: stretch.range } : { from: stretch.from, to: stretch.to };
  return new URLSearchParams(words).toString();
}

/** What was within a stretch of time; of one that goes on it is asked again and again. */
export function useHistory(stretch: Stretch): Asked<HistoryAnswer> {
  const isHour = stretch.kind === 'range' && stretch.range === '1h';
  const again = stretch.kind === 'between' ? 0 : Math.floor(now.value / (isHour ? 15_000 : 60_000));
  return useAnswer<HistoryAnswer>(`/api/history?${stretchQuery(stretch)}`, again).value;
}

const MINUTE_MS = 60_000;
const LEAST_MS = 5 * MINUTE_MS;

/** Puts a stretch into the address, in whole minutes (ms since 1970). */
export function zoom(fromMs: number, toMs: number): void {
  refine({ range: '', ...between(fromMs, toMs) });
}

/** As an address has it: whole minutes, five at least. */
export function between(fromMs: number, toMs: number): { readonly from: string; readonly to: string } {
  const from = Math.floor(fromMs / MINUTE_MS) * MINUTE_MS;
  const to = Math.max(Math.ceil(toMs / MINUTE_MS) * MINUTE_MS, from + LEAST_MS);
  return { from: spelt(from), to: spelt(to) };
}

function spelt(at: number): string {
  return new Date(at).toISOString().slice(0, 16);
}
