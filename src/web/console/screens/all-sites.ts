import type { Status } from '../../../operate/status/index.ts';
import { useAnswer } from '../api.ts';
import { count, counted, span } from '../format.ts';
import { html, type Shown } from '../html.ts';
import { allSites, didAnswer, problemsOf, type OneOfAll } from '../live/all-sites.ts';
import { status } from '../live/status.ts';
import { mood } from '../live/tell-state.ts';
import type { Page, Recording } from '../rows.ts';
import { about } from '../sites.ts';
import { Age, Chip, Section } from '../ui/basics.ts';
import { Problems } from '../ui/problems.ts';
import { recordingColumns } from '../ui/recording-columns.ts';
import { Lacking, siteColumn } from '../ui/sites.ts';
import { Table } from '../ui/table.ts';

const ARRIVING = 12;

/** All sites at once: how each is, and what an operator must do. */
export function AllSitesScreen(): Shown {
  const seen = allSites.value;
  if (seen.length === 0) return html`<div class="skeleton" aria-busy="true">Asking …</div>`;
  const troubled = seen.filter((one) => problemsOf(one).length > 0);
  return html`<div class="stack wide">
    <section class="verdict ${mood()}" aria-label="Verdict">
      <p class="sentence">${sentence(seen, troubled.length)}</p>
    </section>
    <${Section} title="Sites"><${SiteTable} sites=${seen} /></${Section}>
    ${troubled.map(
      (one) =>
        html`<section key=${one.site} class="of-site" aria-label="Problems of ${one.site}">
          <h2><a class="plain" href=${about('/', one.site)}>${one.site}</a></h2>
          <${Problems} problems=${problemsOf(one)} site=${one.site} />
        </section>`,
    )}
    <${Latest} />
  </div>`;
}

function sentence(seen: readonly OneOfAll[], troubled: number): string {
  const silent = seen.filter((one) => !didAnswer(one)).length;
  const away = silent === 0 ? '' : ` ${counted(silent, 'site')} could not be asked.`;
  if (troubled - silent > 0) {
    const needing = troubled - silent;
    return `${needing} of ${counted(seen.length, 'site')} ${needing === 1 ? 'needs' : 'need'} attention.${away}`;
  }
  return silent === 0 ? `All well at all ${seen.length} sites.` : `All well at the sites that answer.${away}`;
}

/** A cell that is empty for a site that did not answer. */
function figure(of: (one: Status) => Shown): (one: OneOfAll) => Shown {
  return (one) => (didAnswer(one) ? of(one) : '');
}

function SiteTable({ sites }: { sites: readonly OneOfAll[] }): Shown {
  return html`<${Table}
    caption="Sites"
    rows=${sites}
    keyOf=${(one: OneOfAll) => one.site}
    columns=${[
      {
        head: 'Site',
        kind: 'wide',
        cell: (one: OneOfAll) => html`<a href=${about('/', one.site)}>${one.site}</a>`,
      },
      { head: 'State', kind: 'tight', cell: (one: OneOfAll) => html`<${SiteState} one=${one} />` },
      {
        head: 'Pending',
        kind: 'figure',
        cell: figure(({ recordings }) => count(recordings?.PENDING ?? 0)),
      },
      {
        head: 'Failed',
        kind: 'figure',
        cell: figure(({ site, recordings, tars }) => {
          const failed = (recordings?.FAILED ?? 0) + (tars?.failed ?? 0);
          return failed === 0 ? '0' : html`<a href=${about('/failures', site)}>${count(failed)}</a>`;
        }),
      },
      {
        head: 'Oldest waiting',
        kind: 'figure',
        cell: figure(({ oldestWaiting }) =>
          oldestWaiting === null ? '–' : span(oldestWaiting.ageSeconds * 1000),
        ),
      },
      {
        head: 'In the last hour',
        kind: 'figure',
        cell: figure(({ rates }) => count(rates?.recordingsLastHour ?? 0)),
      },
      {
        head: 'In the bucket',
        kind: 'figure',
        cell: figure(({ recordings }) => count(recordings?.SUCCESS ?? 0)),
      },
      {
        head: 'Roles',
        kind: 'tight',
        cell: figure(({ roles }) => [...new Set(roles.map(({ host }) => host))].join(', ') || 'none'),
      },
    ]}
  />`;
}

function SiteState({ one }: { one: OneOfAll }): Shown {
  if (!didAnswer(one))
    return html`<${Chip} tone="bad">no answer</${Chip}>
      <small class="quiet">for <${Age} since=${one.since} /></small>`;
  const { alive, attention } = one.verdict;
  if (!alive) return html`<${Chip} tone="bad">not working</${Chip}>`;
  if (attention.length > 0)
    return html`<${Chip} tone="warn">${counted(attention.length, 'problem')}</${Chip}>`;
  return html`<${Chip} tone="good">all well</${Chip}>`;
}

/** The newest changes of all, as they come. */
function Latest(): Shown {
  const changed = `${status.value?.recordings?.SUCCESS} ${status.value?.recordings?.PENDING}`;
  const { value } = useAnswer<Page<Recording>>(`/api/uploads?limit=${ARRIVING}`, changed).value;
  return html`<${Section} title="Latest recordings" aside=${html`<a href="/recordings">All</a>`}>
    <${Lacking} sites=${value?.unasked} />
    <${Table}
      caption="Latest recordings"
      rows=${value?.rows ?? []}
      keyOf=${(row: Recording) => `${row.site} ${row.path}`}
      columns=${[recordingColumns.changedAgo, ...siteColumn<Recording>(), recordingColumns.recording, recordingColumns.state, recordingColumns.size]}
    />
  </${Section}>`;
}
