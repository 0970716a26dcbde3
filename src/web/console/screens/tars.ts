import { useAnswer } from '../api.ts';
import { count, size, visible } from '../format.ts';
import { html, type Shown } from '../html.ts';
import { status } from '../live/status.ts';
import type { Page } from '../rows.ts';
import { place } from '../router.ts';
import { Chip, Empty, Path, Time, Trouble } from '../ui/basics.ts';
import { ChoiceFilter, DayFilter, Pager, TextFilter } from '../ui/fields.ts';
import { Table } from '../ui/table.ts';

const PAGE = 100;
const ASKED = ['state', 'search', 'from', 'to', 'after'];

interface TarLine {
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

/** Every tar that was extracted or failed, the newest first. */
export function TarsScreen(): Shown {
  const query = place.value.query;
  const asked = new URLSearchParams({ state: 'all', limit: String(PAGE) });
  for (const name of ASKED) if (query.has(name)) asked.set(name, query.get(name) ?? '');
  const changed = `${status.value?.tars?.extracted} ${status.value?.tars?.failed}`;
  const answer = useAnswer<Page<TarLine>>(`/api/tars?${asked}`, changed).value;
  const rows = answer.value?.rows ?? [];
  const filtered = ASKED.some((name) => name !== 'after' && query.has(name));
  return html`<div class="stack wide">
    <form
      class="filters"
      role="search"
      aria-label="Filter tars"
      onSubmit=${(event: Event) => event.preventDefault()}
    >
      <${TextFilter} name="search" label="Name" hint="a part of the path" />
      <${ChoiceFilter}
        name="state"
        label="State"
        choices=${[
          ['', 'any'],
          ['extracted', 'extracted'],
          ['failed', 'failed'],
        ]}
      />
      <${DayFilter} name="from" label="From day" />
      <${DayFilter} name="to" label="To day" />
      ${filtered && html`<a class="button small" href="/tars">Clear</a>`}
    </form>
    ${answer.error !== undefined && html`<${Trouble} error=${answer.error} />`}
    ${
      answer.value !== undefined && rows.length === 0
        ? html`<${Empty} title="No tar"
            >${filtered ? 'None fits these filters.' : 'None has landed yet.'}</${Empty}
          >`
        : html`<section class="card" aria-label="Tars" aria-busy=${answer.isLoading}>
            <${Table}
              caption="Tars"
              rows=${rows}
              keyOf=${(row: TarLine) => `${row.state} ${row.path}`}
              columns=${[
                {
                  head: 'When',
                  kind: 'tight',
                  cell: (row: TarLine) => html`<${Time} at=${row.timestamp} />`,
                },
                {
                  head: 'Tar',
                  kind: 'wide',
                  cell: (row: TarLine) =>
                    html`<${Path}
                        path=${row.path}
                        href="/tars/${row.id}"
                      />${row.errorMessage !== undefined && html`<small class="quiet clamp">${visible(row.errorMessage)}</small>`}`,
                },
                {
                  head: 'State',
                  kind: 'tight',
                  cell: (row: TarLine) =>
                    row.state === 'failed'
                      ? html`<${Chip} tone="bad">failed: ${row.cause}</${Chip}>`
                      : html`<${Chip} tone=${row.hasReceipt === true ? 'good' : 'info'}
                          >${row.hasReceipt === true ? 'receipt' : 'extracted'}</${Chip}
                        >`,
                },
                {
                  head: 'Recordings',
                  kind: 'figure',
                  cell: (row: TarLine) => (row.recordings === undefined ? '' : count(row.recordings)),
                },
                {
                  head: 'Skipped',
                  kind: 'figure',
                  cell: (row: TarLine) => (row.skipped ? count(row.skipped) : ''),
                },
                {
                  head: 'Refused',
                  kind: 'figure',
                  cell: (row: TarLine) => (row.refused ? count(row.refused) : ''),
                },
                {
                  head: 'Size',
                  kind: 'figure',
                  cell: (row: TarLine) => (row.size === undefined ? '' : size(row.size)),
                },
              ]}
            />
            <${Pager} next=${answer.value?.next ?? null} shown=${`${count(rows.length)} shown`} />
          </section>`
    }
  </div>`;
}
