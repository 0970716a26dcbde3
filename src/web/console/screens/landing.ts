import { useAnswer, post } from '../api.ts';
import { count, size, span, visible } from '../format.ts';
import { mayAct } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { status } from '../live/status.ts';
import type { Page } from '../rows.ts';
import { place } from '../router.ts';
import { Button, Chip, Empty, Path, Time, Trouble } from '../ui/basics.ts';
import { doing } from '../ui/doing.ts';
import { Pager } from '../ui/fields.ts';
import { Table } from '../ui/table.ts';

interface LandingRow {
  readonly id: string;
  readonly path: string;
  readonly reason: string;
  readonly detail: string;
  readonly bytes: number;
  readonly since: string;
  readonly ageSeconds: number;
  readonly needsAttention: boolean;
}

interface Rescanned {
  readonly tars: number;
  readonly queued: number;
  readonly recordings: number;
}

function rescan(): Promise<void> {
  return doing(
    'Rescan',
    () => post<Rescanned>('/api/rescan'),
    ({ tars, queued, recordings }) =>
      `${count(tars)} tars on disk, ${count(queued)} queued now; ${count(recordings)} recordings had no job and have one`,
  );
}

/** What lies in the landing directory and is not taken, why, and since when. */
export function LandingScreen(): Shown {
  const after = place.value.query.get('after');
  const reason = place.value.query.get('reason');
  const landing = status.value?.landing ?? {};
  const answer = useAnswer<Page<LandingRow>>(
    `/api/landing?limit=200${after === null ? '' : `&after=${after}`}`,
    JSON.stringify(Object.values(landing).map(({ count: files }) => files)),
  ).value;
  const all = answer.value?.rows ?? [];
  const rows = reason === null ? all : all.filter((row) => row.reason === reason);
  return html`<div class="stack wide">
    <div class="filters">
      ${Object.entries(landing).map(
        ([name, { count: files, bytes, oldestSeconds, needsAttention }]) =>
          html`<a
            key=${name}
            class="tile ${needsAttention ? 'bad' : ''}"
            aria-current=${reason === name ? 'true' : undefined}
            href="/landing?reason=${encodeURIComponent(name)}"
            ><b class="figure">${count(files)}</b> ${name}
            <small>${size(bytes)}, oldest ${span(oldestSeconds * 1000)}</small></a
          >`,
      )}
      ${reason !== null && html`<a class="button small" href="/landing">Every reason</a>`}
      ${mayAct && html`<${Button} onClick=${rescan}>Rescan now</${Button}>`}
    </div>
    ${answer.error !== undefined && html`<${Trouble} error=${answer.error} />`}
    ${
      answer.value !== undefined && rows.length === 0 && (reason === null || answer.value.next === null)
        ? html`<${Empty} title="Nothing waits here"
            >${reason === null ? 'Everything that has landed is taken.' : `No file is here for that reason: ${reason}.`}</${Empty}
          >`
        : html`<section class="card" aria-label="Not taken" aria-busy=${answer.isLoading}>
            <${Table}
              caption="Files that are not taken"
              rows=${rows}
              keyOf=${(row: LandingRow) => row.path}
              columns=${[
                {
                  head: 'Reason',
                  kind: 'tight',
                  cell: (row: LandingRow) =>
                    html`<${Chip} tone=${row.needsAttention ? 'bad' : 'neutral'}>${row.reason}</${Chip}>`,
                },
                {
                  head: 'File',
                  kind: 'wide',
                  cell: (row: LandingRow) =>
                    html`<${Path} path=${row.path} /><small class="quiet clamp"
                        >${visible(row.detail)}</small
                      >`,
                },
                { head: 'Size', kind: 'figure', cell: (row: LandingRow) => size(row.bytes) },
                {
                  head: 'Since',
                  kind: 'tight',
                  cell: (row: LandingRow) => html`<${Time} at=${row.since} />`,
                },
                {
                  head: '',
                  label: 'Actions',
                  kind: 'tight',
                  cell: (row: LandingRow) =>
                    mayAct &&
                    html`<${Button}
                      small
                      label="Take now: ${visible(row.path)}"
                      onClick=${() => doing('Take it now', () => post('/api/ingest', { tars: [row.path] }))}
                      >Take now</${Button}
                    >`,
                },
              ]}
            />
            <${Pager} next=${answer.value?.next ?? null} shown=${`${count(rows.length)} shown`} />
          </section>`
    }
  </div>`;
}
