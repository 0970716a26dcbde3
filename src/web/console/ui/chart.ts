import { useEffect, useMemo, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import { useAnswer } from '../api.ts';
import { clockTime, count, size, span } from '../format.ts';
import { now, zone } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { place, refine } from '../router.ts';
import { Section } from './basics.ts';
import { Table } from './table.ts';

/** What happened within a stretch of time. */
interface Bin {
  readonly from: string;
  readonly uploaded: number | null;
  readonly failed: number | null;
  readonly bytes: number | null;
  readonly backlog: number | null;
  readonly oldestSeconds: number | null;
}

interface Mark {
  readonly at: string;
  readonly until: string | null;
  readonly what: 'outage' | 'pause' | 'restart' | 'redis';
  readonly said: string;
}

interface HistoryAnswer {
  readonly seconds: number;
  readonly rows: readonly Bin[];
  readonly marks: readonly Mark[];
  readonly forecast: { readonly diskFullSeconds: number | null; readonly backlogDoneSeconds: number | null };
}

const RANGES = [
  ['1h', '1 h'],
  ['24h', '24 h'],
  ['7d', '7 d'],
  ['30d', '30 d'],
] as const;

const SERIES = [
  {
    name: 'uploaded',
    label: 'Uploaded',
    colour: '--good',
    valueOf: (bin: Bin) => bin.uploaded,
    shown: count,
  },
  { name: 'failed', label: 'Failed', colour: '--bad', valueOf: (bin: Bin) => bin.failed, shown: count },
  {
    name: 'rate',
    label: 'MB/s',
    colour: '--accent',
    valueOf: (bin: Bin, seconds: number) => (bin.bytes === null ? null : bin.bytes / 1e6 / seconds),
    shown: (value: number) => value.toFixed(value < 10 ? 2 : 0),
  },
  { name: 'backlog', label: 'Backlog', colour: '--warn', valueOf: (bin: Bin) => bin.backlog, shown: count },
] as const;

type Series = (typeof SERIES)[number];

/** How it went: four curves over one axis of time, with what held them up, and the same as a table. */
export function Chart(): Shown {
  const range = place.value.query.get('range') ?? '24h';
  const minute = Math.floor(now.value / (range === '1h' ? 15_000 : 60_000));
  const answer = useAnswer<HistoryAnswer>(`/api/history?range=${range}`, minute).value;
  const { rows = [], marks = [], seconds = 60 } = answer.value ?? {};
  return html`<${Section}
    title="How it went"
    aside=${html`<span class="quiet">${forecast(answer.value)}</span>
      <div class="ranges" role="group" aria-label="Range">
        ${RANGES.map(([name, shown]) => html`<button key=${name} type="button" class="small ghost" aria-pressed=${name === range} onClick=${() => refine({ range: name === '24h' ? '' : name })}>${shown}</button>`)}
      </div>`}
  >
    <div class="plots">
      ${SERIES.map((series) => html`<${Plot} key=${`${series.name} ${range}`} series=${series} rows=${rows} marks=${marks} seconds=${seconds} />`)}
    </div>
    ${
      marks.length > 0 &&
      html`<ul class="marks">
        ${marks.slice(-6).map((mark) => html`<li key=${mark.at}><span class="mark-${mark.what}"></span>${mark.said} <span class="quiet figure">${clockTime(Date.parse(mark.at), zone.value, 'minutes')}</span></li>`)}
      </ul>`
    }
    <details>
      <summary>As a table</summary>
      <${Table}
        caption="How it went"
        rows=${rows.filter((bin) => bin.uploaded !== null || bin.backlog !== null).toReversed()}
        keyOf=${(bin: Bin) => bin.from}
        columns=${[
          {
            head: 'From',
            kind: 'tight',
            cell: (bin: Bin) => clockTime(Date.parse(bin.from), zone.value, 'minutes'),
          },
          ...SERIES.map((series) => ({
            head: series.label,
            kind: 'figure' as const,
            cell: (bin: Bin) => toldOf(series.valueOf(bin, seconds), series),
          })),
          {
            head: 'Volume',
            kind: 'figure',
            cell: (bin: Bin) => (bin.bytes === null ? '–' : size(bin.bytes)),
          },
          {
            head: 'Oldest',
            kind: 'figure',
            cell: (bin: Bin) => (bin.oldestSeconds === null ? '–' : span(bin.oldestSeconds * 1000)),
          },
        ]}
      />
    </details>
  </${Section}>`;
}

/** What is not known is not 0. */
function toldOf(value: number | null, { shown }: Series): string {
  return value === null ? '–' : shown(value);
}

function forecast(answer: HistoryAnswer | undefined): string {
  const { diskFullSeconds = null, backlogDoneSeconds = null } = answer?.forecast ?? {};
  return [
    backlogDoneSeconds === null ? '' : `backlog done in ${span(backlogDoneSeconds * 1000)}`,
    diskFullSeconds === null ? '' : `disk full in ${span(diskFullSeconds * 1000)}`,
  ]
    .filter((text) => text !== '')
    .join(' · ');
}

const HEIGHT = 120;

/** One curve. The canvas is for who sees it; the table below says the same. */
function Plot({
  series,
  rows,
  marks,
  seconds,
}: {
  series: Series;
  rows: readonly Bin[];
  marks: readonly Mark[];
  seconds: number;
}): Shown {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const shown = useRef(marks);
  shown.current = marks;
  const values = useMemo(
    (): uPlot.AlignedData => [
      rows.map(({ from }) => Date.parse(from) / 1000),
      rows.map((bin) => series.valueOf(bin, seconds)),
    ],
    [rows, seconds],
  );
  const newest = useRef(values);
  newest.current = values;
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    let isGone = false;
    let observer: ResizeObserver | undefined;
    const draw = async (): Promise<void> => {
      const { default: UPlot } = await import('uplot');
      if (isGone) return;
      // the answer may have come while the library was loaded
      plot.current = new UPlot(optionsOf(series, element, shown, seconds), newest.current, element);
      observer = new ResizeObserver(() =>
        plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }),
      );
      observer.observe(element);
    };
    void draw();
    return () => {
      isGone = true;
      observer?.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [zone.value]);
  useEffect(() => plot.current?.setData(values), [values]);
  const known = rows.flatMap((bin) => series.valueOf(bin, seconds) ?? []);
  const last = known.at(-1);
  const most = known.length === 0 ? undefined : Math.max(...known);
  return html`<figure>
    <figcaption>
      <span class="dot" data-series=${series.name}></span>${series.label}
      <b class="figure">${last === undefined ? '–' : series.shown(last)}</b>
      <small class="quiet">${most === undefined ? '' : `at most ${series.shown(most)}`}</small>
    </figcaption>
    <div
      ref=${box}
      class="plot"
      role="img"
      aria-label="${series.label}: now ${last === undefined ? 'not known' : series.shown(last)}, at most ${most === undefined ? 'not known' : series.shown(most)}; the table below has every value"
    ></div>
  </figure>`;
}

const DAY_SECONDS = 86_400;

/** Of a curve over a day or less the time, of a longer one the day. */
function axisTime(at: number, seconds: number): string {
  const whole = clockTime(at, zone.value, 'minutes');
  return seconds * 144 > DAY_SECONDS ? whole.slice(5, 10) : whole.slice(11);
}

function optionsOf(
  series: Series,
  element: HTMLElement,
  marks: { readonly current: readonly Mark[] },
  seconds: number,
): uPlot.Options {
  const colour = colours(element);
  const axis = {
    stroke: colour('--quiet'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui',
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { sync: { key: 'wavspool' }, drag: { x: true, y: false } },
    ...(zone.value === 'UTC' && {
      tzDate: (at: number) => new Date(at * 1000 + new Date(at * 1000).getTimezoneOffset() * 60_000),
    }),
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(high, 1)] } },
    axes: [
      { ...axis, space: 70, values: (_plot, splits) => splits.map((at) => axisTime(at * 1000, seconds)) },
      { ...axis, size: 46, space: 26 },
    ],
    series: [
      {},
      {
        label: series.label,
        stroke: colour(series.colour),
        width: 1.5,
        fill: colour(series.colour, 14),
        points: { show: true, size: 4, fill: colour(series.colour), filter: aloneIn },
        spanGaps: false,
      },
    ],
    hooks: {
      drawClear: [(plot) => drawMarks(plot, marks.current, colour)],
      setCursor: [
        (plot) => {
          const at = plot.cursor.idx;
          const value = at == null ? undefined : plot.data[1]?.[at];
          const time = at == null ? undefined : plot.data[0][at];
          element.title =
            value == null || time === undefined
              ? ''
              : `${clockTime(time * 1000, zone.value, 'minutes')}: ${series.shown(value)}`;
        },
      ],
    },
  };
}

/** The values with none beside them: no line shows these. */
function aloneIn({ data }: uPlot, at: number): number[] {
  const values = data[at] ?? [];
  return [...values.keys()].filter(
    (i) => values[i] != null && values[i - 1] == null && values[i + 1] == null,
  );
}

/** A token as a canvas takes it, which knows neither variables nor schemes; with so much of it, in percent. */
type Colours = (name: string, percent?: number) => string;

function colours(element: HTMLElement): Colours {
  const probe = document.createElement('i');
  element.append(probe);
  const found = (name: string, percent = 100): string => {
    probe.style.color = `color-mix(in srgb, var(${name}) ${percent}%, transparent)`;
    return getComputedStyle(probe).color;
  };
  return found;
}

/** What held work up stands behind the curves. */
function drawMarks(plot: uPlot, marks: readonly Mark[], colour: Colours): void {
  const { left, top, width, height } = plot.bbox;
  plot.ctx.save();
  for (const { at, until, what } of marks) {
    const from = plot.valToPos(Date.parse(at) / 1000, 'x', true);
    const to =
      until === null && what !== 'restart'
        ? left + width
        : plot.valToPos(Date.parse(until ?? at) / 1000, 'x', true);
    plot.ctx.fillStyle = colour(what === 'pause' ? '--warn' : what === 'restart' ? '--quiet' : '--bad', 18);
    const begin = Math.max(left, from);
    plot.ctx.fillRect(begin, top, Math.max(1.5, Math.min(left + width, to) - begin), height);
  }
  plot.ctx.restore();
}
