import { clockTime } from '../format.ts';
import { now, zone } from '../here.ts';
import { html, type Shown } from '../html.ts';

interface Run {
  readonly at: string;
  readonly outcome: 'running' | 'done' | 'failed';
}

const DAY_MS = 86_400_000;

function dayOf(at: number): string {
  return clockTime(at, zone.value).slice(0, 10);
}

/** A square for each of the last days: green where its runs went well, red where one failed, empty where none was. */
export function Calendar({
  days,
  runs,
  label,
}: {
  days: number;
  runs: readonly Run[];
  label: string;
}): Shown {
  const byDay = Map.groupBy(runs, ({ at }) => dayOf(Date.parse(at)));
  const today = now.value;
  const squares = Array.from({ length: days }, (_, at) => {
    const day = dayOf(today - (days - 1 - at) * DAY_MS);
    const ofDay = byDay.get(day) ?? [];
    const failed = ofDay.filter(({ outcome }) => outcome === 'failed').length;
    const done = ofDay.filter(({ outcome }) => outcome === 'done').length;
    const tone = failed > 0 ? (done > 0 ? 'warn' : 'bad') : done > 0 ? 'good' : 'none';
    const told = ofDay.length === 0 ? 'no run' : `${done} done, ${failed} failed`;
    return { day, tone, told };
  });
  const failedDays = squares.filter(({ tone }) => tone === 'bad' || tone === 'warn').length;
  const doneDays = squares.filter(({ tone }) => tone === 'good' || tone === 'warn').length;
  return html`<div
    class="calendar"
    role="img"
    aria-label="${label}: of the last ${days} days ${doneDays} with a good run, ${failedDays} with a failed one"
  >
    ${squares.map(({ day, tone, told }) => html`<i key=${day} class=${tone} title="${day}: ${told}"></i>`)}
  </div>`;
}
