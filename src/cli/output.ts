import Table from 'cli-table3';
import { surroundings } from './surroundings.ts';
import { visible, visibleJson, visibleLines } from './visible.ts';

/** The one JSON document that a command with `--json` prints. */
export function printJson(value: unknown): void {
  surroundings().stdout.write(`${visibleJson(JSON.stringify(value, null, 2))}\n`);
}

export function printLines(lines: readonly string[]): void {
  const { stdout } = surroundings();
  for (const line of lines) stdout.write(`${visible(line)}\n`);
}

/** `1 tar`, `2 tars`. */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** A line for each field, what is below it indented, a list with a dash for each of its items; what is undefined or null is left out. */
export function outline(value: object): readonly string[] {
  return Object.entries(value).flatMap(([name, field]) => {
    if (field === undefined || field === null) return [];
    if (typeof field !== 'object') return [`${name}: ${String(field)}`];
    if (!Array.isArray(field)) return [`${name}:`, ...outline(field as object).map(indented)];
    if (field.length === 0) return [`${name}: none`];
    return [`${name}:`, ...field.flatMap(item)];
  });
}

const indented = (line: string): string => `  ${line}`;

function item(value: unknown): readonly string[] {
  const lines = typeof value === 'object' && value !== null ? outline(value) : [String(value)];
  return lines.map((line, at) => `  ${at === 0 ? '-' : ' '} ${line}`);
}

/** What was looked at, and whether it stood: `ok  PATH`, or `BAD PATH: reason`. */
export function verdictLine(
  path: string,
  verdict: { readonly ok: boolean; readonly reason?: string },
): string {
  return `${verdict.ok ? 'ok ' : 'BAD'} ${path}${verdict.reason === undefined ? '' : `: ${verdict.reason}`}`;
}

/** Narrower columns cannot be read. */
const NARROWEST = 16;
const GAP = 2;

/**
 * How wide each column may be so that the table fits into `columns`: the widest give first. Undefined where all fits, or where
 * nothing would help.
 */
export function columnWidths(
  cells: readonly (readonly string[])[],
  columns: number | undefined,
): number[] | undefined {
  const widest = (at: number): number => cells.reduce((most, row) => Math.max(most, row[at]?.length ?? 0), 0);
  const widths = (cells[0] ?? []).map((_, at) => widest(at) + GAP);
  if (columns === undefined) return undefined;
  let excess = widths.reduce((sum, width) => sum + width, 0) - columns;
  if (excess <= 0) return undefined;
  while (excess > 0) {
    const giving = widths.indexOf(Math.max(...widths));
    if ((widths[giving] ?? 0) <= NARROWEST) return undefined;
    widths[giving] = (widths[giving] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}

/** A table without frames, so that it can be read, grepped and cut alike; on a terminal it keeps to its width. */
export function printTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const shown = rows.map((row) => row.map((cell) => visible(String(cell))));
  const { stdout } = surroundings();
  const widths = columnWidths([head, ...shown], stdout.isTTY === true ? stdout.columns : undefined);
  const table = new Table({
    head: [...head],
    ...(widths !== undefined && { colWidths: widths, wordWrap: true, wrapOnWordBoundary: false }),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '',
    },
  });
  for (const row of shown) table.push(row);
  stdout.write(`${table.toString().replaceAll(/ +$/gm, '')}\n`); // the last column needs no padding
}

export function printError(message: string): void {
  surroundings().stderr.write(`${visibleLines(message)}\n`);
}

/** One JSON document whose list may be too long for memory: `{ "<list>": [ … ], …rest }`, printed as it comes. */
export function jsonStream(list: string): { item(value: unknown): void; end(rest: object): void } {
  const { stdout } = surroundings();
  let items = 0;
  const open = (): void => {
    if (items === 0) stdout.write(`{\n  ${JSON.stringify(list)}: [`);
  };
  return {
    item: (value) => {
      open();
      stdout.write(`${items === 0 ? '' : ','}\n    ${visibleJson(JSON.stringify(value))}`);
      items += 1;
    },
    end: (rest) => {
      open();
      const fields = Object.entries(rest).map(
        ([name, value]) => `  ${JSON.stringify(name)}: ${visibleJson(JSON.stringify(value))}`,
      );
      stdout.write(`${items === 0 ? '' : '\n  '}],\n${fields.join(',\n')}\n}\n`);
    },
  };
}

/** On a terminal one line on stderr that is written over; elsewhere nothing. */
export function statusLine(): { show(text: string): void; clear(): void } {
  const { stderr } = surroundings();
  if (stderr.isTTY !== true) return { show: () => undefined, clear: () => undefined };
  return {
    show: (text) => stderr.write(`\r\u001B[K${visible(text)}`),
    clear: () => stderr.write('\r\u001B[K'),
  };
}

/** Begins a terminal's screen anew; elsewhere nothing. */
export function clearScreen(): void {
  const { stdout } = surroundings();
  if (stdout.isTTY === true) stdout.write('\u001B[H\u001B[2J');
}
