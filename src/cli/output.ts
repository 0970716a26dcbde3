import Table from 'cli-table3';

/** The one JSON document that a command with `--json` prints. */
export function printJson(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}

export function printLines(lines: readonly string[]): void {
  for (const line of lines) console.log(line);
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
