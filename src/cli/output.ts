import Table from 'cli-table3';

/** The one JSON document that a command with `--json` prints. */
export function printJson(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}

export function printLines(lines: readonly string[]): void {
  for (const line of lines) console.log(line);
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

/** A table without frames, so that it can be read, grepped and cut alike. */
export function printTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const table = new Table({
    head: [...head],
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
  table.push(...rows.map((row) => row.map(String)));
  console.log(table.toString().replaceAll(/ +$/gm, '')); // the last column needs no padding
}

export function printError(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** One JSON document whose list may be too long for memory: `{ "<list>": [ … ], …rest }`, printed as it comes. */
export function jsonStream(list: string): { item(value: unknown): void; end(rest: object): void } {
  let items = 0;
  const open = (): void => {
    if (items === 0) process.stdout.write(`{\n  ${JSON.stringify(list)}: [`);
  };
  return {
    item: (value) => {
      open();
      process.stdout.write(`${items === 0 ? '' : ','}\n    ${JSON.stringify(value)}`);
      items += 1;
    },
    end: (rest) => {
      open();
      const fields = Object.entries(rest).map(
        ([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`,
      );
      process.stdout.write(`${items === 0 ? '' : '\n  '}],\n${fields.join(',\n')}\n}\n`);
    },
  };
}

/** On a terminal one line on stderr that is written over; elsewhere nothing. */
export function statusLine(): { show(text: string): void; clear(): void } {
  if (!process.stderr.isTTY) return { show: () => undefined, clear: () => undefined };
  return {
    show: (text) => process.stderr.write(`\r\u001B[K${text}`),
    clear: () => process.stderr.write('\r\u001B[K'),
  };
}
