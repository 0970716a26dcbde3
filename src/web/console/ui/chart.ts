import { useEffect, useMemo, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import { clockTime, count, size, span } from '../format.ts';
import { zone } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { refine } from '../router.ts';
import { Section } from './basics.ts';
import {
  between,
  stretchQuery,
  zoom,
  type Bin,
  type HistoryAnswer,
  type Mark,
  type Stretch,
} from './history.ts';
import { Table } from './table.ts';

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
  {
    name: 'oldest',
    label: 'Oldest',
    colour: '--warn',
    valueOf: (bin: Bin) => (bin.oldestSeconds === null ? null : bin.oldestSeconds / 60),
    shown: (minutes: number) => span(minutes * 60_000),
  },
] as const;
/** The highest value that an axis has at least: of figures 1, of what is measured less. */
const LEAST: Readonly<Partial<Record<Series['name'], number>>> = { rate: 0.01 };

type Series = (typeof SERIES)[number];

/** How it went: curves over one axis of time, with what held them up, and the same as a table. */
export function Chart({ stretch, history }: { stretch: Stretch; history: HistoryAnswer | undefined }): Shown {
  const { rows = [], marks = [], seconds = 60 } = history ?? {};
  const chosen = stretch.kind === 'range' ? stretch.range : undefined;
  return html`<${Section}
    title="How it went"
    aside=${html`<div class="ranges" role="group" aria-label="Range">
      ${RANGES.map(([name, shown]) => html`<button key=${name} type="button" class="small ghost" aria-pressed=${name === chosen} onClick=${() => refine({ range: name === '24h' ? '' : name, from: '', to: '' })}>${shown}</button>`)}
    </div>`}
  >
    ${stretch.kind === 'between' && html`<${Zoomed} from=${stretch.from} to=${stretch.to} />`}
    <div class="plots">
      ${SERIES.map((series) => html`<${Plot} key=${`${series.name} ${stretchQuery(stretch)}`} series=${series} rows=${rows} marks=${marks} seconds=${seconds} />`)}
      ${
        marks.length > 0 &&
        html`<ul class="marks" aria-label="What held it up">
          ${marks.slice(-6).map((mark) => html`<li key=${mark.at}><span class="mark-${mark.what}"></span>${mark.said} <span class="quiet figure">${clockTime(Date.parse(mark.at), zone.value, 'minutes')}</span></li>`)}
        </ul>`
      }
    </div>
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
            cell: (bin: Bin) =>
              html`<a href="?${addressOf(bin, seconds)}"
                >${clockTime(Date.parse(bin.from), zone.value, 'minutes')}</a
              >`,
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
        ]}
      />
    </details>
  </${Section}>`;
}

/** What is not known is not 0. */
function toldOf(value: number | null, { shown }: Series): string {
  return value === null ? '–' : shown(value);
}

/** The same screen with that stretch alone, for who does not drag. */
function addressOf({ from }: Bin, seconds: number): string {
  const at = Date.parse(from);
  return new URLSearchParams(between(at, at + seconds * 1000)).toString();
}

/** Which stretch is shown, and what else there is of it. */
function Zoomed({ from, to }: { from: string; to: string }): Shown {
  const told = [from, to]
    .map((time) => clockTime(Date.parse(`${time}Z`), zone.value, 'minutes'))
    .join(' to ');
  const query = new URLSearchParams({ from, to });
  return html`<p class="zoomed">
    <b class="figure">${told}</b>
    <a href="/recordings?${query}">Recordings</a>
    <a href="/recordings?${query}&status=FAILED">Failed</a>
    <a href="/tars?${query}&state=all">Tars</a>
    <a href="/events?${query}">Events</a>
    <button type="button" class="small ghost" onClick=${() => refine({ from: '', to: '' })}>
      Show the whole day
    </button>
  </p>`;
}

const HEIGHT = 120;
/** Less of a drag, in pixels, is a click that shook. */
const LEAST_DRAG = 6;

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
  const bin = useRef(seconds); // known when the first answer is there
  bin.current = seconds;
  const values = useMemo(() => valuesOf(series, rows, seconds), [rows, seconds]);
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
      plot.current = new UPlot(optionsOf(series, element, shown, bin), newest.current, element);
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
  const { last, most } = toldBy(series, rows, seconds);
  return html`<figure>
    <figcaption>
      <span class="dot" data-series=${series.name}></span>${series.label}
      <b class="figure">${last ?? '–'}</b>
      <small class="quiet">${most === undefined ? '' : `at most ${most}`}</small>
    </figcaption>
    <div
      ref=${box}
      class="plot"
      role="img"
      aria-label="${series.label}: last ${last ?? 'not known'}, at most ${most ?? 'not known'}; the table below has every value"
    ></div>
  </figure>`;
}

function valuesOf(series: Series, rows: readonly Bin[], seconds: number): uPlot.AlignedData {
  return [rows.map(({ from }) => Date.parse(from) / 1000), rows.map((bin) => series.valueOf(bin, seconds))];
}

/** The last value and the highest, as they are shown; undefined where none is known. */
function toldBy(
  series: Series,
  rows: readonly Bin[],
  seconds: number,
): { readonly last?: string; readonly most?: string } {
  const known = rows.flatMap((bin) => series.valueOf(bin, seconds) ?? []);
  const last = known.at(-1);
  return last === undefined ? {} : { last: series.shown(last), most: series.shown(Math.max(...known)) };
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
  bin: { readonly current: number },
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
    cursor: { sync: { key: 'wavspool' }, drag: { x: true, y: false, setScale: false } },
    ...(zone.value === 'UTC' && {
      tzDate: (at: number) => new Date(at * 1000 + new Date(at * 1000).getTimezoneOffset() * 60_000),
    }),
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(high, LEAST[series.name] ?? 1)] } },
    axes: [
      {
        ...axis,
        size: 22,
        space: 70,
        values: (_plot, splits) => splits.map((at) => axisTime(at * 1000, bin.current)),
      },
      {
        ...axis,
        size: 46,
        space: 26,
        ...(series.name === 'oldest' && {
          values: (_plot: uPlot, splits: number[]) => splits.map(series.shown),
        }),
      },
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
    hooks: hooksOf(series, element, marks, colour),
  };
}

function hooksOf(
  series: Series,
  element: HTMLElement,
  marks: { readonly current: readonly Mark[] },
  colour: Colours,
): uPlot.Hooks.Arrays {
  return {
    setSelect: [
      (plot) => {
        const { left, width } = plot.select;
        if (width < LEAST_DRAG) return;
        zoom(plot.posToVal(left, 'x') * 1000, plot.posToVal(left + width, 'x') * 1000);
        plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      },
    ],
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
