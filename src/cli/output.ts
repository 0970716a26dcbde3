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

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `17 B`, `72.9 GiB`: to one decimal, as the dashboard shows it. */
export function roundedSize(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${SIZES[power]}`;
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
  console.log(table.toString());
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
