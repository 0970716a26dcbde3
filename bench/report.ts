import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** Where every bench leaves its figures: `<bench>-<date>.json`. */
export const RESULTS = join(import.meta.dirname, 'results');

/** What the figures were taken on; absolute ones mean nothing without it. */
export interface Machine {
  /** ISO, UTC. */
  readonly date: string;
  readonly node: string;
  readonly kernel: string;
  readonly cpus: string;
  readonly memoryGiB: number;
}

/** Writes what a bench has found, with the machine's description; returns the path. Written again for the same `at`, it is replaced. */
export async function writeResults(bench: string, figures: object, at = new Date()): Promise<string> {
  const machine: Machine = {
    date: at.toISOString(),
    node: process.version,
    kernel: release(),
    cpus: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
  await mkdir(RESULTS, { recursive: true });
  const path = join(RESULTS, `${bench}-${machine.date.slice(0, 16).replaceAll(/\W/g, '-')}.json`);
  await writeFile(path, `${JSON.stringify({ machine, ...figures }, null, 2)}\n`);
  return path;
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The smallest of the numbers that `percent` % of them do not exceed. */
export function percentile(numbers: readonly number[], percent: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? Number.NaN;
}

/** A figure that the project has promised a limit for. */
export interface Judged {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** A Markdown table of figures, their targets, and whether they are met. */
export function judgedTable(figures: readonly Judged[]): string {
  return [
    '| what | figure | target | met |',
    '| --- | --- | --- | --- |',
    ...figures.map(({ what, value, unit, atMost, atLeast }) => {
      const isMet = value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity);
      const target = atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
      const judgement =
        atMost === undefined && atLeast === undefined ? ' | ' : `${target} | ${isMet ? 'yes' : 'no'}`;
      return `| ${what} | ${rounded(value)} ${unit} | ${judgement} |`;
    }),
  ].join('\n');
}

function rounded(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2);
}
