import { count, size, visible } from '../format.ts';
import { html, type Shown } from '../html.ts';
import { status } from '../live/status.ts';
import type { OfSite } from '../rows.ts';
import { Chip, Path, Time } from '../ui/basics.ts';
import { ChoiceFilter, DayFilter, TextFilter } from '../ui/fields.ts';
import { Filters, ListCard, useList } from '../ui/list.ts';
import { about } from '../sites.ts';
import { siteColumn } from '../ui/sites.ts';
import type { Column } from '../ui/table.ts';

const ASKED = ['state', 'search', 'from', 'to', 'after'];

interface TarLine extends OfSite {
  readonly id: string;
  readonly path: string;
  readonly state: 'extracted' | 'failed';
  readonly timestamp: string;
  readonly size?: number;
  readonly recordings?: number;
  readonly skipped?: number;
  readonly refused?: number;
  readonly hasReceipt?: boolean;
  readonly cause?: string;
  readonly errorMessage?: string;
}

const STATES = [
  ['', 'any'],
  ['extracted', 'extracted'],
  ['failed', 'failed'],
] as const;

const WHEN: Column<TarLine> = {
  head: 'When',
  kind: 'tight',
  cell: (row) => html`<${Time} at=${row.timestamp} />`,
};

const ABOUT_IT: readonly Column<TarLine>[] = [
  {
    head: 'Tar',
    kind: 'wide',
    cell: (row) =>
      html`<${Path}
          path=${row.path}
          href=${about(`/tars/${row.id}`, row.site)}
        />${row.errorMessage !== undefined && html`<small class="quiet clamp">${visible(row.errorMessage)}</small>`}`,
  },
  {
    head: 'State',
    kind: 'tight',
    cell: (row) =>
      row.state === 'failed'
        ? html`<${Chip} tone="bad">failed: ${row.cause}</${Chip}>`
        : html`<${Chip} tone=${row.hasReceipt === true ? 'good' : 'info'}
            >${row.hasReceipt === true ? 'receipt' : 'extracted'}</${Chip}
          >`,
  },
  {
    head: 'Recordings',
    kind: 'figure',
    cell: (row) => (row.recordings === undefined ? '' : count(row.recordings)),
  },
  { head: 'Skipped', kind: 'figure', cell: (row) => (row.skipped ? count(row.skipped) : '') },
  { head: 'Refused', kind: 'figure', cell: (row) => (row.refused ? count(row.refused) : '') },
  { head: 'Size', kind: 'figure', cell: (row) => (row.size === undefined ? '' : size(row.size)) },
];

/** Every tar that was extracted or failed, the newest first. */
export function TarsScreen(): Shown {
  const list = useList<TarLine>('/api/tars', {
    asked: ASKED,
    always: { state: 'all', limit: '100' },
    again: `${status.value?.tars?.extracted} ${status.value?.tars?.failed}`,
  });
  return html`<div class="stack wide">
    <${Filters} of="tars" clear="/tars" isFiltered=${list.isFiltered}>
      <${TextFilter} name="search" label="Name" hint="a part of the path" />
      <${ChoiceFilter} name="state" label="State" choices=${STATES} />
      <${DayFilter} name="from" label="From day" />
      <${DayFilter} name="to" label="To day" />
    </${Filters}>
    <${ListCard}
      list=${list}
      label="Tars"
      caption="Tars"
      keyOf=${(row: TarLine) => `${row.site ?? ''} ${row.state} ${row.path}`}
      columns=${[WHEN, ...siteColumn<TarLine>(), ...ABOUT_IT]}
      empty=${{
        title: 'No tar',
        text: list.isFiltered ? 'None fits these filters.' : 'None has landed yet.',
      }}
    />
  </div>`;
}
