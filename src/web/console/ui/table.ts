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

/** Rows that keep their place in the document while they change: selection, focus and scroll stay. */
export function Table<T>(props: {
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly caption: string;
  readonly toneOf?: (row: T) => string;
}): Shown {
  const { columns, rows, keyOf, caption, toneOf } = props;
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${caption}>
    <table>
      <caption class="unseen">
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map(
            (column, at) =>
              html`<th key=${at} scope="col" class=${column.kind}>
                ${column.head}${column.label !== undefined && html`<span class="unseen">${column.label}</span>`}
              </th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr key=${keyOf(row)} class=${toneOf?.(row)}>
              ${columns.map((column, at) => html`<td key=${at} class=${column.kind}>${column.cell(row)}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
