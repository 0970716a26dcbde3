import { useAnswer } from '../api.ts';
import { count } from '../format.ts';
import { html, type Shown } from '../html.ts';
import type { Page, Recording } from '../rows.ts';
import { place } from '../router.ts';
import { Empty, Trouble } from '../ui/basics.ts';
import { ChoiceFilter, DayFilter, Pager, TextFilter } from '../ui/fields.ts';
import { recordingColumns } from '../ui/recording-columns.ts';
import { Table } from '../ui/table.ts';

const PAGE = 100;
/** What stands in the address and is asked for as it stands. */
const ASKED = [
  'status',
  'search',
  'tar',
  'cause',
  'codec',
  'from',
  'to',
  'minSeconds',
  'maxSeconds',
  'after',
];

const STATES = [
  ['', 'any'],
  ['SUCCESS', 'uploaded'],
  ['PENDING', 'pending'],
  ['FAILED', 'failed'],
] as const;

const CODECS = [
  ['', 'any'],
  ['pcm', 'PCM'],
  ['alaw', 'G.711 a-law'],
  ['ulaw', 'G.711 µ-law'],
  ['gsm610', 'GSM 6.10'],
] as const;

/** Every recording, newest change first, by what one knows of it. */
export function RecordingsScreen(): Shown {
  const query = place.value.query;
  const asked = new URLSearchParams({ limit: String(PAGE) });
  for (const name of ASKED) if (query.has(name)) asked.set(name, query.get(name) ?? '');
  const answer = useAnswer<Page<Recording> & { lookedTo?: string | null }>(`/api/uploads?${asked}`).value;
  const rows = answer.value?.rows ?? [];
  const filtered = ASKED.some((name) => name !== 'after' && query.has(name));
  const { value } = answer;
  return html`<div class="stack wide">
    <form
      class="filters"
      role="search"
      aria-label="Filter recordings"
      onSubmit=${(event: Event) => event.preventDefault()}
    >
      <${TextFilter} name="search" label="Name" hint="a part of the name" />
      <${ChoiceFilter} name="status" label="State" choices=${STATES} />
      <${DayFilter} name="from" label="From day" />
      <${DayFilter} name="to" label="To day" />
      <${TextFilter} name="tar" label="Tar" hint="a part of its path" />
      <${TextFilter} name="cause" label="Cause" hint="of the failure" />
      <${ChoiceFilter} name="codec" label="Codec" choices=${CODECS} />
      <${TextFilter} name="minSeconds" label="Min. seconds" />
      <${TextFilter} name="maxSeconds" label="Max. seconds" />
      ${filtered && html`<a class="button small" href="/recordings">Clear</a>`}
    </form>
    ${answer.error !== undefined && html`<${Trouble} error=${answer.error} />`}
    ${
      value !== undefined && rows.length === 0 && value.next === null
        ? html`<${Empty} title="No recording"
            >${filtered ? 'None fits these filters.' : 'None has landed yet.'}</${Empty}
          >`
        : html`<section class="card" aria-busy=${answer.isLoading} aria-label="Recordings">
            <${Table}
              caption="Recordings"
              rows=${rows}
              keyOf=${(row: Recording) => row.path}
              columns=${[recordingColumns.changed, recordingColumns.recording, recordingColumns.state, recordingColumns.length, recordingColumns.codec, recordingColumns.size, recordingColumns.tar]}
            />
            ${
              rows.length > 0 &&
              html`<a class="button small" href="/api/fetch?${fetched(query)}" download="recordings.tar"
                >Download ${filtered ? 'what fits' : 'everything'} as one tar</a
              >`
            }
            <${Pager}
              next=${value?.next ?? null}
              shown=${shownText(rows.length, value?.total, value?.next ?? null)}
            />
          </section>`
    }
  </div>`;
}

/** What is fetched is what is shown, on every page of it. */
function fetched(query: URLSearchParams): string {
  const asked = new URLSearchParams();
  for (const name of ASKED) if (name !== 'after' && query.has(name)) asked.set(name, query.get(name) ?? '');
  return asked.toString();
}

function shownText(rows: number, total: number | undefined, next: string | null): string {
  const of = total === undefined ? '' : ` of ${count(total)}`;
  return rows === 0 && next !== null
    ? 'None among those looked at so far; the next page looks further back.'
    : `${count(rows)} shown${of}`;
}
