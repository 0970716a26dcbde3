import { plain, told } from '../format.ts';
import { places } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { newestEvent } from '../live/events.ts';
import { place } from '../router.ts';
import { Chip, Time, type Tone } from '../ui/basics.ts';
import { ChoiceFilter, DayFilter, TextFilter } from '../ui/fields.ts';
import { Filters, ListCard, useList } from '../ui/list.ts';
import type { Column } from '../ui/table.ts';
import { isAll } from '../sites.ts';
import { OneSite } from '../ui/sites.ts';

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
  return isAll.value ? html`<${OneSite} what="Events are" />` : html`<${EventsOfOne} />`;
}

const LEVELS = [
  ['', 'any'],
  ['error', 'errors'],
  ['warn', 'warnings and errors'],
] as const;

const WHO = [
  ['', 'everyone'],
  ['people', 'people only'],
] as const;

const COLUMNS: readonly Column<EventRow>[] = [
  { head: 'When', kind: 'tight', cell: (row) => html`<${Time} at=${row.at} />` },
  {
    head: 'Level',
    kind: 'tight',
    cell: (row) => html`<${Chip} tone=${TONES[row.level] ?? 'neutral'}>${row.level}</${Chip}>`,
  },
  {
    head: 'Event',
    kind: 'wide',
    cell: (row) =>
      html`<details class="more">
        <summary><b>${row.event}</b> <span class="quiet clamp">${saidBy(row)}</span></summary>
      </details>`,
  },
  {
    head: 'By',
    kind: 'tight',
    cell: (row) => (row.by === null ? row.role : html`<b>${plain(row.by)}</b>`),
  },
];

function EventsOfOne(): Shown {
  const list = useList<EventRow>('/api/events', {
    asked: ASKED,
    always: { limit: '100' },
    again: place.value.query.has('after') ? undefined : newestEvent.value,
  });
  return html`<div class="stack wide">
    <${Filters} of="events" clear="/events" isFiltered=${list.isFiltered}>
      <${TextFilter} name="search" label="Text" hint="a name, a path, a cause" />
      <${ChoiceFilter} name="level" label="Level" choices=${LEVELS} />
      <${ChoiceFilter} name="who" label="By" choices=${WHO} />
      <${DayFilter} name="from" label="From day" />
      <${DayFilter} name="to" label="To day" />
    </${Filters}>
    <${ListCard}
      list=${list}
      label="Events"
      caption="Events"
      keyOf=${(row: EventRow) => row.id}
      columns=${COLUMNS}
      empty=${{
        title: 'No event',
        text: list.isFiltered
          ? 'None fits these filters.'
          : 'Nothing has happened since the console began to keep them.',
      }}
    />
  </div>`;
}

function saidBy({ fields }: EventRow): string {
  return Object.entries(fields)
    .map(([name, value]) => [name, withoutPlace(told(name, value))] as const)
    .filter(([, text]) => text !== '')
    .map(([name, text]) => `${name.replace(/(?<=.)Ms$/, '')}: ${text}`)
    .join(' · ');
}

/** What every path begins with says nothing of it. */
function withoutPlace(text: string): string {
  return places.reduce((short, place) => short.replaceAll(place, ''), text);
}
