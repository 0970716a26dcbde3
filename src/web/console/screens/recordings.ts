import { html, type Shown } from '../html.ts';
import type { Recording } from '../rows.ts';
import { ChoiceFilter, DayFilter, TextFilter } from '../ui/fields.ts';
import { Filters, ListCard, standing, useList } from '../ui/list.ts';
import { recordingColumns } from '../ui/recording-columns.ts';
import { isAll } from '../sites.ts';
import { siteColumn } from '../ui/sites.ts';

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
  const list = useList<Recording>('/api/uploads', { asked: ASKED, always: { limit: '100' } });
  const { changed, recording, state, length, codec, size, tar } = recordingColumns;
  return html`<div class="stack wide">
    <${Filters} of="recordings" clear="/recordings" isFiltered=${list.isFiltered}>
      <${TextFilter} name="search" label="Name" hint="a part of the name" />
      <${ChoiceFilter} name="status" label="State" choices=${STATES} />
      <${DayFilter} name="from" label="From day" />
      <${DayFilter} name="to" label="To day" />
      <${TextFilter} name="tar" label="Tar" hint="a part of its path" />
      <${TextFilter} name="cause" label="Cause" hint="of the failure" />
      <${ChoiceFilter} name="codec" label="Codec" choices=${CODECS} />
      <${TextFilter} name="minSeconds" label="Min. seconds" />
      <${TextFilter} name="maxSeconds" label="Max. seconds" />
    </${Filters}>
    <${ListCard}
      list=${list}
      label="Recordings"
      caption="Recordings"
      keyOf=${(row: Recording) => `${row.site ?? ''} ${row.path}`}
      columns=${[changed, ...siteColumn<Recording>(), recording, state, length, codec, size, tar]}
      empty=${{
        title: 'No recording',
        text: list.isFiltered ? 'None fits these filters.' : 'None has landed yet.',
      }}
    >
      ${
        list.rows.length > 0 &&
        !isAll.value &&
        html`<a class="button small" href="/api/fetch?${fetched()}" download="recordings.tar"
          >Download ${list.isFiltered ? 'what fits' : 'everything'} as one tar</a
        >`
      }
    </${ListCard}>
  </div>`;
}

/** What is fetched is what is shown, on every page of it. */
function fetched(): string {
  return new URLSearchParams(standing(ASKED.filter((name) => name !== 'after'))).toString();
}
