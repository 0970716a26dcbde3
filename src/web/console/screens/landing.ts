import { post } from '../api.ts';
import { count, counted, size, span, visible } from '../format.ts';
import { mayAct } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { status } from '../live/status.ts';
import type { OfSite } from '../rows.ts';
import { place } from '../router.ts';
import { Button, Chip, Path, Time } from '../ui/basics.ts';
import { doing } from '../ui/doing.ts';
import { ListCard, useList } from '../ui/list.ts';
import { isAll } from '../sites.ts';
import { siteColumn } from '../ui/sites.ts';
import { takeTar, takings } from '../ui/take.ts';
import type { Column } from '../ui/table.ts';

interface LandingRow extends OfSite {
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

async function rescan(): Promise<void> {
  await doing(
    'Rescan',
    () => post<Rescanned>('/api/rescan'),
    ({ tars, queued, recordings }) =>
      `${counted(tars, 'tar')} on disk, ${count(queued)} queued now; ${counted(recordings, 'recording')} had no job and ${recordings === 1 ? 'has' : 'have'} one`,
  );
  takings.value += 1;
}

const REASON: Column<LandingRow> = {
  head: 'Reason',
  kind: 'tight',
  cell: (row) => html`<${Chip} tone=${row.needsAttention ? 'bad' : 'neutral'}>${row.reason}</${Chip}>`,
};

const ABOUT_IT: readonly Column<LandingRow>[] = [
  {
    head: 'File',
    kind: 'wide',
    cell: (row) =>
      html`<${Path} path=${row.path} /><small class="quiet clamp">${visible(row.detail)}</small>`,
  },
  { head: 'Size', kind: 'figure', cell: (row) => size(row.bytes) },
  { head: 'Since', kind: 'tight', cell: (row) => html`<${Time} at=${row.since} />` },
  { head: '', label: 'Actions', kind: 'tight', cell: (row) => mayAct && html`<${TakeNow} row=${row} />` },
];

function TakeNow({ row: { path, site } }: { row: LandingRow }): Shown {
  return html`<${Button}
    small
    label="Take now: ${visible(path)}"
    onClick=${() => takeTar('Take it now', path, site)}
    >Take now</${Button}
  >`;
}

/** What lies in the landing directory and is not taken, why, and since when. */
export function LandingScreen(): Shown {
  const reason = place.value.query.get('reason');
  const landing = status.value?.landing ?? {};
  const { answer, rows: all } = useList<LandingRow>('/api/landing', {
    asked: ['after'],
    always: { limit: '200' },
    again: `${takings.value} ${Object.values(landing)
      .map(({ count: files }) => files)
      .join()}`,
  });
  const rows = reason === null ? all : all.filter((row) => row.reason === reason);
  const isPart = (answer.value?.unasked?.length ?? 0) > 0;
  return html`<div class="stack wide">
    <${Reasons} chosen=${reason} />
    <${ListCard}
      list=${{ answer, rows }}
      label="Not taken"
      caption="Files that are not taken"
      keyOf=${(row: LandingRow) => `${row.site ?? ''} ${row.path}`}
      columns=${[REASON, ...siteColumn<LandingRow>(), ...ABOUT_IT]}
      empty=${{ title: 'Nothing waits here', text: emptyText(reason, isPart) }}
    />
  </div>`;
}

/** How much lies there for each reason; one shows only its own. */
function Reasons({ chosen }: { chosen: string | null }): Shown {
  return html`<div class="filters">
    ${Object.entries(status.value?.landing ?? {}).map(
      ([name, { count: files, bytes, oldestSeconds, needsAttention }]) =>
        html`<a
          key=${name}
          class="tile ${needsAttention ? 'bad' : ''}"
          aria-current=${chosen === name ? 'true' : undefined}
          href="/landing?reason=${encodeURIComponent(name)}"
          ><b class="figure">${count(files)}</b> ${name}
          <small>${size(bytes)}, oldest ${span(oldestSeconds * 1000)}</small></a
        >`,
    )}
    ${chosen !== null && html`<a class="button small" href="/landing">Every reason</a>`}
    ${mayAct && !isAll.value && html`<${Button} onClick=${rescan}>Rescan now</${Button}>`}
  </div>`;
}

function emptyText(reason: string | null, isPart: boolean): string {
  if (reason !== null) return `No file is here for that reason: ${reason}.`;
  return isPart
    ? 'Everything that has landed at the sites that answered is taken.'
    : 'Everything that has landed is taken.';
}
