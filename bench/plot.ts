import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OWN as OWN_NAME, floor, type Measured } from './contenders.ts';
import { RESULTS, median, type Machine } from './report.ts';

// `make bench-plot [BENCH_ARGS=FILE]`: draws the newest comparison, or that file, as docs/performance.svg. A panel for each
// place and load, each with a scale of its own; a bar is the median of its rounds, a whisker reaches from the quickest to the
// slowest.

const SVG = join(import.meta.dirname, '../docs/performance.svg');

const WIDTH = 860;
const MARGIN = 24;
const BARS_AT = 250;
/** Leaves room for the figure behind the longest whisker. */
const BARS_END = WIDTH - 110;
const HEAD = 84;
const PANEL_HEAD = 34;
const BAR = 18;
const STEP = 26;
const PANEL_GAP = 14;
const OWN = '#1a7f6b';
const FLOOR = '#d9a441';
const PEER = '#a9b4bf';
const INK = '#1f2328';
const FAINT = '#59636e';

interface Result {
  readonly place: string;
  readonly load: string;
  readonly contender: string;
  readonly rounds: readonly Measured[];
}

interface Comparison {
  readonly machine: Machine;
  readonly results: readonly Result[];
}

const file = process.argv[2] ?? join(RESULTS, await newestComparison());
const comparison = JSON.parse(await readFile(file, 'utf8')) as Comparison;
await writeFile(SVG, drawing(comparison));
console.log(`${SVG} shows ${file}`);

async function newestComparison(): Promise<string> {
  const all = (await readdir(RESULTS)).filter((name) => name.startsWith('comparison-'));
  const newest = all.toSorted().at(-1);
  if (newest === undefined) throw new Error(`${RESULTS} holds no comparison: run "make bench"`);
  return newest;
}

function drawing({ machine, results }: Comparison): string {
  const panels = Map.groupBy(results, ({ place, load }) => `${place} · ${load}`);
  const parts: string[] = [];
  let y = HEAD;
  for (const [title, bars] of panels) {
    parts.push(panel(title, bars, y));
    y += PANEL_HEAD + bars.length * STEP + PANEL_GAP;
  }
  const rounds = Math.max(...results.map(({ rounds }) => rounds.length));
  const subtitle = `median of ${rounds} rounds, whiskers from the quickest to the slowest; ${machine.cpus}, Node ${machine.node}, ${machine.date.slice(0, 10)}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" font-family="system-ui, sans-serif" font-size="13" fill="${INK}">`,
    `<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>`,
    `<text x="${MARGIN}" y="38" font-size="18" font-weight="600">Seconds until the last recording is in the bucket; shorter is better</text>`,
    `<text x="${MARGIN}" y="60" fill="${FAINT}">${escaped(subtitle)}</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function panel(title: string, results: readonly Result[], y: number): string {
  const slowest = Math.max(...results.flatMap(({ rounds }) => rounds.map(({ seconds }) => seconds)));
  const x = (seconds: number): number => BARS_AT + (seconds / slowest) * (BARS_END - BARS_AT);
  return [
    `<text x="${MARGIN}" y="${y + 20}" font-weight="600">${escaped(title)}</text>`,
    ...results.map((result, index) => bar(result, y + PANEL_HEAD + index * STEP, x)),
  ].join('\n');
}

function bar({ contender, rounds }: Result, y: number, x: (seconds: number) => number): string {
  const seconds = rounds.map((round) => round.seconds);
  const [quickest, slowest] = [x(Math.min(...seconds)).toFixed(1), x(Math.max(...seconds)).toFixed(1)];
  const middle = y + BAR / 2;
  const isOwn = contender.startsWith(OWN_NAME);
  const colour = isOwn ? OWN : contender === floor.name ? FLOOR : PEER;
  const weight = isOwn ? ' font-weight="600"' : '';
  const whisker = `M${quickest} ${middle}H${slowest}M${quickest} ${middle - 4}v8M${slowest} ${middle - 4}v8`;
  return [
    `<text x="${BARS_AT - 10}" y="${middle + 4.5}" text-anchor="end"${weight}>${escaped(contender)}</text>`,
    `<rect x="${BARS_AT}" y="${y}" width="${(x(median(seconds)) - BARS_AT).toFixed(1)}" height="${BAR}" rx="2" fill="${colour}"/>`,
    `<path d="${whisker}" stroke="${INK}" fill="none"/>`,
    `<text x="${Number(slowest) + 8}" y="${middle + 4.5}"${weight}>${median(seconds).toFixed(2)} s</text>`,
  ].join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
