import { signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { useAnswer } from '../api.ts';
import { count, counted, visible } from '../format.ts';
import { mayAct } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { status } from '../live/status.ts';
import { idOf, type FailedTarRow, type Page, type Recording } from '../rows.ts';
import { place } from '../router.ts';
import { Button, Chip, Empty, Path, Section, Time, Trouble } from '../ui/basics.ts';
import { Pager, TextFilter } from '../ui/fields.ts';
import { requeueDialog } from '../ui/requeue.ts';
import { Table } from '../ui/table.ts';

interface Group {
  readonly cause: string;
  readonly message: string;
  readonly recordings: number;
  readonly since: string | null;
  readonly remedy: string;
  readonly example: string;
}

const PAGE = 50;

/** What failed: why, how many, what helps, and each of them. */
export function FailuresScreen(): Shown {
  const failed = status.value?.recordings?.FAILED;
  const tarsFailed = status.value?.tars?.failed ?? 0;
  const groups = useAnswer<{ rows: readonly Group[] }>('/api/failures', `${failed} ${tarsFailed}`).value;
  const cause = place.value.query.get('cause') ?? '';
  if (groups.error !== undefined) return html`<${Trouble} error=${groups.error} />`;
  const rows = groups.value?.rows ?? [];
  if (groups.value !== undefined && rows.length === 0 && tarsFailed === 0)
    return html`<${Empty} title="Nothing has failed"
      >Every recording is in the bucket or on its way.</${Empty}
    >`;
  return html`<div class="stack wide">
    <${Section}
      title="By cause"
      aside=${
        mayAct &&
        html`<${Button} kind="primary" onClick=${() => requeueDialog({ all: true }, 'every failure')}
          >Re-queue all …</${Button}
        >`
      }
    >
      <${Table}
        caption="Failures by cause"
        rows=${rows}
        keyOf=${(row: Group) => `${row.cause}\n${row.message}`}
        toneOf=${(row: Group) => (row.cause === cause ? 'chosen' : '')}
        columns=${[
          {
            head: 'Cause',
            kind: 'tight',
            cell: (row: Group) =>
              html`<a href="/failures?cause=${encodeURIComponent(row.cause)}"
                ><${Chip} tone="bad">${visible(row.cause)}</${Chip}></a
              >`,
          },
          {
            head: 'Message and remedy',
            kind: 'wide',
            cell: (row: Group) =>
              html`<span class="clamp">${visible(row.message)}</span
                ><small class="quiet">${row.remedy}</small>`,
          },
          { head: 'Recordings', kind: 'figure', cell: (row: Group) => count(row.recordings) },
          { head: 'Since', kind: 'tight', cell: (row: Group) => html`<${Time} at=${row.since} />` },
          {
            head: '',
            label: 'Actions',
            kind: 'tight',
            cell: (row: Group) =>
              mayAct &&
              html`<${Button}
                small
                label="Re-queue ${row.cause}"
                onClick=${() => requeueDialog({ cause: row.cause }, `what failed for ${row.cause}`)}
                >Re-queue …</${Button}
              >`,
          },
        ]}
      />
    </${Section}>
    <${Failed} cause=${cause} changed=${failed} />
    ${tarsFailed > 0 && html`<${FailedTars} changed=${tarsFailed} />`}
  </div>`;
}

function Failed({ cause, changed }: { cause: string; changed: number | undefined }): Shown {
  const query = place.value.query;
  const asked = new URLSearchParams({ status: 'FAILED', limit: String(PAGE) });
  for (const name of ['cause', 'search', 'after'])
    if (query.has(name)) asked.set(name, query.get(name) ?? '');
  const answer = useAnswer<Page<Recording>>(`/api/uploads?${asked}`, changed).value;
  const chosen = useMemo(() => signal<ReadonlySet<string>>(new Set()), []);
  const rows = answer.value?.rows ?? [];
  const picked = rows.filter(({ path }) => chosen.value.has(path)).map(({ path }) => path);
  const pick = (path: string): void => {
    const next = new Set(chosen.value);
    if (!next.delete(path)) next.add(path);
    chosen.value = next;
  };
  const all = (): void => {
    chosen.value = picked.length === rows.length ? new Set() : new Set(rows.map(({ path }) => path));
  };
  return html`<${Section}
    title=${cause === '' ? 'Failed recordings' : `Failed for ${cause}`}
    aside=${
      mayAct &&
      picked.length > 0 &&
      html`<${Button}
        kind="primary"
        onClick=${() =>
          requeueDialog({ paths: picked }, `the ${counted(picked.length, 'recording')} selected`, () => {
            chosen.value = new Set();
          })}
        >Re-queue ${count(picked.length)} selected …</${Button}
      >`
    }
  >
    <div class="filters">
      <${TextFilter} name="search" label="Name" hint="a part of the recording’s or tar’s name" />
      ${cause !== '' && html`<a class="button small" href="/failures">Every cause</a>`}
    </div>
    ${answer.error !== undefined && html`<${Trouble} error=${answer.error} />`}
    <${Table}
      caption="Failed recordings"
      rows=${rows}
      keyOf=${(row: Recording) => row.path}
      columns=${[
        {
          head:
            mayAct &&
            html`<input
              type="checkbox"
              aria-label="Select every row"
              checked=${rows.length > 0 && picked.length === rows.length}
              onChange=${all}
            />`,
          label: 'Selection',
          kind: 'tight',
          cell: (row: Recording) =>
            mayAct &&
            html`<input
              type="checkbox"
              aria-label="Select ${visible(row.path)}"
              checked=${chosen.value.has(row.path)}
              onChange=${() => pick(row.path)}
            />`,
        },
        {
          head: 'Recording',
          kind: 'wide',
          cell: (row: Recording) =>
            html`<${Path} path=${row.path} href="/recordings/${row.id}" /><small class="quiet clamp"
                >${visible(row.errorMessage ?? '')}</small
              >`,
        },
        {
          head: 'Cause',
          kind: 'tight',
          cell: (row: Recording) => html`<${Chip} tone="bad">${row.cause ?? 'unknown'}</${Chip}>`,
        },
        { head: 'Retries', kind: 'figure', cell: (row: Recording) => count(row.retryCount) },
        { head: 'Since', kind: 'tight', cell: (row: Recording) => html`<${Time} at=${row.timestamp} />` },
      ]}
    />
    <${Pager} next=${answer.value?.next ?? null} shown=${`${count(rows.length)} shown`} />
  </${Section}>`;
}

function FailedTars({ changed }: { changed: number }): Shown {
  const answer = useAnswer<Page<FailedTarRow>>('/api/tars?limit=50', changed).value;
  return html`<${Section} title="Failed tars" aside=${html`<a href="/tars?state=failed">All</a>`}>
    <${Table}
      caption="Failed tars"
      rows=${answer.value?.rows ?? []}
      keyOf=${(row: FailedTarRow) => row.path}
      columns=${[
        {
          head: 'Tar',
          kind: 'wide',
          cell: (row: FailedTarRow) =>
            html`<${Path} path=${row.path} href="/tars/${idOf(row.path)}" /><small class="quiet clamp"
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
