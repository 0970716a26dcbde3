import { signal, type Signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { useAnswer } from '../api.ts';
import { count, counted, visible } from '../format.ts';
import { mayAct } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { status } from '../live/status.ts';
import { idOf, type FailedTarRow, type Page, type Recording, type OfSite } from '../rows.ts';
import { place } from '../router.ts';
import { Button, Chip, Empty, Path, Section, Time, Trouble } from '../ui/basics.ts';
import { Pager, TextFilter } from '../ui/fields.ts';
import { useList } from '../ui/list.ts';
import { requeueDialog } from '../ui/requeue.ts';
import { about, isAll } from '../sites.ts';
import { Lacking, siteColumn } from '../ui/sites.ts';
import { Table, type Column } from '../ui/table.ts';

interface Group extends OfSite {
  readonly cause: string;
  readonly message: string;
  readonly recordings: number;
  readonly since: string | null;
  readonly remedy: string;
  readonly example: string;
}

const ABOUT_GROUP: readonly Column<Group>[] = [
  {
    head: 'Cause',
    kind: 'tight',
    cell: (row) =>
      html`<a href="/failures?cause=${encodeURIComponent(row.cause)}"
        ><${Chip} tone="bad">${visible(row.cause)}</${Chip}></a
      >`,
  },
  {
    head: 'Message and remedy',
    kind: 'wide',
    cell: (row) =>
      html`<span class="clamp">${visible(row.message)}</span><small class="quiet">${row.remedy}</small>`,
  },
  { head: 'Recordings', kind: 'figure', cell: (row) => count(row.recordings) },
  { head: 'Since', kind: 'tight', cell: (row) => html`<${Time} at=${row.since} />` },
  {
    head: '',
    label: 'Actions',
    kind: 'tight',
    cell: (row) => mayAct && html`<${RequeueGroup} row=${row} />`,
  },
];

function RequeueGroup({ row: { cause, site } }: { row: Group }): Shown {
  const what = `what failed for ${cause}${site === undefined ? '' : ` at ${site}`}`;
  return html`<${Button}
    small
    label="Re-queue ${cause}"
    onClick=${() => requeueDialog({ cause }, what, undefined, site)}
    >Re-queue …</${Button}
  >`;
}

function RequeueAll(): Shown {
  return html`<${Button} kind="primary" onClick=${() => requeueDialog({ all: true }, 'every failure')}
    >Re-queue all …</${Button}
  >`;
}

/** What failed: why, how many, what helps, and each of them. */
export function FailuresScreen(): Shown {
  const { recordings, tars } = status.value ?? {};
  const failed = recordings?.FAILED;
  const tarsFailed = tars?.failed ?? 0;
  const groups = useAnswer<{ rows: readonly Group[] }>('/api/failures', `${failed} ${tarsFailed}`).value;
  const cause = place.value.query.get('cause') ?? '';
  if (groups.error !== undefined) return html`<${Trouble} error=${groups.error} />`;
  const rows = groups.value?.rows;
  if (rows?.length === 0 && tarsFailed === 0)
    return html`<${Empty} title="Nothing has failed"
      >Every recording is in the bucket or on its way.</${Empty}
    >`;
  return html`<div class="stack wide">
    <${ByCause} rows=${rows} chosen=${cause} />
    <${Failed} cause=${cause} changed=${failed} />
    ${tarsFailed > 0 && html`<${FailedTars} changed=${tarsFailed} />`}
  </div>`;
}

function ByCause({ rows = [], chosen }: { rows?: readonly Group[] | undefined; chosen: string }): Shown {
  return html`<${Section} title="By cause" aside=${mayAct && !isAll.value && html`<${RequeueAll} />`}>
    <${Table}
      caption="Failures by cause"
      rows=${rows}
      keyOf=${(row: Group) => `${row.site ?? ''}\n${row.cause}\n${row.message}`}
      toneOf=${(row: Group) => (row.cause === chosen ? 'chosen' : '')}
      columns=${[...siteColumn<Group>(), ...ABOUT_GROUP]}
    />
  </${Section}>`;
}

/** What is selected of the rows that are shown. */
interface Selection {
  readonly picked: readonly string[];
  readonly has: (path: string) => boolean;
  readonly isWhole: boolean;
  readonly pick: (path: string) => void;
  readonly pickAll: () => void;
  readonly clear: () => void;
}

function selectionOf(chosen: Signal<ReadonlySet<string>>, rows: readonly Recording[]): Selection {
  const picked = rows.filter(({ path }) => chosen.value.has(path)).map(({ path }) => path);
  const set = (paths: Iterable<string>): void => {
    chosen.value = new Set(paths);
  };
  return {
    picked,
    has: (path) => chosen.value.has(path),
    isWhole: rows.length > 0 && picked.length === rows.length,
    pick: (path) =>
      set(chosen.value.has(path) ? [...chosen.value].filter((one) => one !== path) : [...chosen.value, path]),
    pickAll: () => set(picked.length === rows.length ? [] : rows.map(({ path }) => path)),
    clear: () => set([]),
  };
}

function selectionColumn({ has, isWhole, pick, pickAll }: Selection): Column<Recording> {
  const isShown = mayAct && !isAll.value;
  return {
    head:
      isShown &&
      html`<input type="checkbox" aria-label="Select every row" checked=${isWhole} onChange=${pickAll} />`,
    label: 'Selection',
    kind: 'tight',
    cell: ({ path }) =>
      isShown &&
      html`<input
        type="checkbox"
        aria-label="Select ${visible(path)}"
        checked=${has(path)}
        onChange=${() => pick(path)}
      />`,
  };
}

const ABOUT_RECORDING: readonly Column<Recording>[] = [
  {
    head: 'Recording',
    kind: 'wide',
    cell: (row) =>
      html`<${Path} path=${row.path} href=${about(`/recordings/${row.id}`, row.site)} /><small
          class="quiet clamp"
          >${visible(row.errorMessage ?? '')}</small
        >`,
  },
  {
    head: 'Cause',
    kind: 'tight',
    cell: (row) => html`<${Chip} tone="bad">${row.cause ?? 'unknown'}</${Chip}>`,
  },
  { head: 'Retries', kind: 'figure', cell: (row) => count(row.retryCount) },
  { head: 'Since', kind: 'tight', cell: (row) => html`<${Time} at=${row.timestamp} />` },
];

function Failed({ cause, changed }: { cause: string; changed: number | undefined }): Shown {
  const { answer, rows } = useList<Recording>('/api/uploads', {
    asked: ['cause', 'search', 'after'],
    always: { status: 'FAILED', limit: '50' },
    again: changed,
  });
  const chosen = useMemo(() => signal<ReadonlySet<string>>(new Set()), []);
  const selection = selectionOf(chosen, rows);
  return html`<${Section}
    title=${cause === '' ? 'Failed recordings' : `Failed for ${cause}`}
    aside=${mayAct && selection.picked.length > 0 && html`<${RequeueSelected} selection=${selection} />`}
  >
    <div class="filters">
      <${TextFilter} name="search" label="Name" hint="a part of it" />
      ${cause !== '' && html`<a class="button small" href="/failures">Every cause</a>`}
    </div>
    ${answer.error !== undefined && html`<${Trouble} error=${answer.error} />`}
    <${Lacking} sites=${answer.value?.unasked} />
    <${Table}
      caption="Failed recordings"
      rows=${rows}
      keyOf=${(row: Recording) => `${row.site ?? ''} ${row.path}`}
      columns=${[selectionColumn(selection), ...siteColumn<Recording>(), ...ABOUT_RECORDING]}
    />
    <${Pager} next=${answer.value?.next ?? null} shown=${`${count(rows.length)} shown`} />
  </${Section}>`;
}

function RequeueSelected({ selection: { picked, clear } }: { selection: Selection }): Shown {
  const what = `the ${counted(picked.length, 'recording')} selected`;
  return html`<${Button} kind="primary" onClick=${() => requeueDialog({ paths: picked }, what, clear)}
    >Re-queue ${count(picked.length)} selected …</${Button}
  >`;
}

function FailedTars({ changed }: { changed: number }): Shown {
  const answer = useAnswer<Page<FailedTarRow>>('/api/tars?limit=50', changed).value;
  return html`<${Section} title="Failed tars" aside=${html`<a href="/tars?state=failed">All</a>`}>
    <${Table}
      caption="Failed tars"
      rows=${answer.value?.rows ?? []}
      keyOf=${(row: FailedTarRow) => `${row.site ?? ''} ${row.path}`}
      columns=${[
        ...siteColumn<FailedTarRow>(),
        {
          head: 'Tar',
          kind: 'wide',
          cell: (row: FailedTarRow) =>
            html`<${Path} path=${row.path} href=${about(`/tars/${idOf(row.path)}`, row.site)} /><small
                class="quiet clamp"
                >${visible(row.errorMessage)}</small
              >`,
        },
        {
          head: 'Cause',
          kind: 'tight',
          cell: (row: FailedTarRow) => html`<${Chip} tone="bad">${row.cause}</${Chip}>`,
        },
        { head: 'Retries', kind: 'figure', cell: (row: FailedTarRow) => count(row.retryCount) },
        { head: 'Since', kind: 'tight', cell: (row: FailedTarRow) => html`<${Time} at=${row.timestamp} />` },
      ]}
    />
  </${Section}>`;
}
