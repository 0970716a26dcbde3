import { useAnswer } from '../api.ts';
import { count, plain } from '../format.ts';
import { html, type Shown } from '../html.ts';
import { newestEvent } from '../live/events.ts';
import type { Page } from '../rows.ts';
import { place } from '../router.ts';
import { Chip, Empty, Time, Trouble, type Tone } from '../ui/basics.ts';
import { ChoiceFilter, DayFilter, Pager, TextFilter } from '../ui/fields.ts';
import { Table } from '../ui/table.ts';

interface EventRow {
  readonly id: string;
  readonly at: string;
  readonly event: string;
  readonly level: string;
  readonly role: string;
  readonly by: string | null;
  readonly fields: Readonly<Record<string, unknown>>;
}

const ASKED = ['level', 'search', 'from', 'to', 'who', 'after'];
const TONES: Readonly<Record<string, Tone>> = { error: 'bad', warn: 'warn', info: 'neutral' };

/** What happened, and who did what. */
export function EventsScreen(): Shown {
  const query = place.value.query;
  const asked = new URLSearchParams({ limit: '100' });
  for (const name of ASKED) if (query.has(name)) asked.set(name, query.get(name) ?? '');
  const answer = useAnswer<Page<EventRow>>(
    `/api/events?${asked}`,
    query.has('after') ? undefined : newestEvent.value,
  ).value;
  const rows = answer.value?.rows ?? [];
  const filtered = ASKED.some((name) => name !== 'after' && query.has(name));
  return html`<div class="stack wide">
    <form
      class="filters"
      role="search"
      aria-label="Filter events"
      onSubmit=${(event: Event) => event.preventDefault()}
    >
      <${TextFilter} name="search" label="Text" hint="a name, a path, a cause" />
      <${ChoiceFilter}
        name="level"
        label="Level"
        choices=${[
          ['', 'any'],
          ['error', 'errors'],
          ['warn', 'warnings and errors'],
        ]}
      />
      <${ChoiceFilter}
        name="who"
        label="By"
        choices=${[
          ['', 'anybody'],
          ['people', 'people only'],
        ]}
      />
      <${DayFilter} name="from" label="From day" />
      <${DayFilter} name="to" label="To day" />
      ${filtered && html`<a class="button small" href="/events">Clear</a>`}
    </form>
    ${answer.error !== undefined && html`<${Trouble} error=${answer.error} />`}
    ${
      answer.value !== undefined && rows.length === 0
        ? html`<${Empty} title="No event"
            >${filtered ? 'None fits these filters.' : 'Nothing has happened since the console began to keep them.'}</${Empty}
          >`
        : html`<section class="card" aria-label="Events" aria-busy=${answer.isLoading}>
            <${Table}
              caption="Events"
              rows=${rows}
              keyOf=${(row: EventRow) => row.id}
              columns=${[
                { head: 'When', kind: 'tight', cell: (row: EventRow) => html`<${Time} at=${row.at} />` },
                {
                  head: 'Level',
                  kind: 'tight',
                  cell: (row: EventRow) =>
                    html`<${Chip} tone=${TONES[row.level] ?? 'neutral'}>${row.level}</${Chip}>`,
                },
                {
                  head: 'Event',
                  kind: 'wide',
                  cell: (row: EventRow) =>
                    html`<b>${row.event}</b>
                      <span class="quiet clamp"
                        >${Object.entries(row.fields)
                          .map(([name, value]) => `${name}: ${plain(value)}`)
                          .join(' · ')}</span
                      >`,
                },
                {
                  head: 'By',
                  kind: 'tight',
                  cell: (row: EventRow) => (row.by === null ? row.role : html`<b>${plain(row.by)}</b>`),
                },
              ]}
            />
            <${Pager} next=${answer.value?.next ?? null} shown=${`${count(rows.length)} shown`} />
          </section>`
    }
  </div>`;
}
