import { html, type Shown } from '../html.ts';

/** A column: what its head says, and what a row has there. */
export interface Column<T> {
  readonly head: Shown;
  readonly cell: (row: T) => Shown;
  /** Figures stand at the right, aligned; `wide` takes the room there is; `tight` never breaks. */
  readonly kind?: 'figure' | 'wide' | 'tight';
  /** Told to readers that see no head. */
  readonly label?: string;
}

/**
 * Rows that keep their place in the document while they change: selection, focus and scroll stay. On a narrow screen a row is a card: the
 * roles say what it is still, and each figure its head.
 */
export function Table<T>(props: {
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly caption: string;
  readonly toneOf?: (row: T) => string;
}): Shown {
  const { columns, rows, keyOf, caption, toneOf } = props;
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${caption}>
    <table role="table">
      <caption class="unseen">
        ${caption}
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          ${columns.map(
            (column, at) =>
              html`<th key=${at} scope="col" role="columnheader" class=${column.kind}>
                ${column.head}${column.label !== undefined && html`<span class="unseen">${column.label}</span>`}
              </th>`,
          )}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${rows.map(
          (row) =>
            html`<tr key=${keyOf(row)} role="row" class=${toneOf?.(row)}>
              ${columns.map((column, at) => html`<td key=${at} role="cell" class=${column.kind} data-head=${headOf(column)}>${column.cell(row)}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** What a figure is, where its head is not above it. */
function headOf<T>({ head, kind }: Column<T>): string | undefined {
  return kind === 'figure' && typeof head === 'string' ? head : undefined;
}
