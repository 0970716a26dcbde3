import type { Status } from '../../../operate/status/index.ts';
import { useAnswer } from '../api.ts';
import { count, counted, size } from '../format.ts';
import { html, type Shown } from '../html.ts';
import { status } from '../live/status.ts';
import { mood } from '../live/tell-state.ts';
import type { Page, Recording } from '../rows.ts';
import { isAll } from '../sites.ts';
import { Empty, Section } from '../ui/basics.ts';
import { AllSitesScreen } from './all-sites.ts';
import { Held, Problems } from '../ui/problems.ts';
import { Pipeline } from '../ui/pipeline.ts';
import { Chart } from '../ui/chart.ts';
import { stretchOf, stretchQuery, useHistory, type Stretch } from '../ui/history.ts';
import { recordingColumns } from '../ui/recording-columns.ts';
import { Table } from '../ui/table.ts';

const ARRIVING = 8;

/** What is going on, and what an operator must do. */
export function NowScreen(): Shown {
  if (isAll.value) return html`<${AllSitesScreen} />`;
  const seen = status.value;
  if (seen === undefined) return html`<div class="skeleton" aria-busy="true">Asking …</div>`;
  const { verdict, uses } = seen;
  return html`<div class="stack wide">
    <section class="verdict ${mood()}" aria-label="Verdict">
      <p class="sentence">${sentence(seen)}</p>
      ${verdict.attention.length > 0 && html`<${Problems} problems=${verdict.attention} />`}
    </section>
    ${uses.recordings ? html`<${Carrying} seen=${seen} />` : html`<${Waiting} verdict=${verdict} />`}
  </div>`;
}

/** The way of the recordings, how it went, and the latest of them. */
function Carrying({ seen }: { seen: Status }): Shown {
  const stretch = stretchOf();
  const history = useHistory(stretch).value;
  return html`<${Pipeline} status=${seen} forecast=${history?.forecast} />
    <${Waiting} verdict=${seen.verdict} />
    <${Chart} stretch=${stretch} history=${history} />
    <${Arriving} uploaded=${seen.recordings?.SUCCESS ?? 0} stretch=${stretch} />`;
}

/** What goes on by itself; what an operator has to mend stands above it. */
function Waiting({ verdict: { held, attention } }: { verdict: Status['verdict'] }): Shown {
  const told = new Set(attention.map(({ id }) => id));
  const others = held.filter((one) => !told.has(problemOf(one)));
  return others.length > 0 && html`<${Section} title="Waiting"><${Held} held=${others} /></${Section}>`;
}

/** The problem that the same is where it does not go on by itself. */
function problemOf({ what, cause }: Status['verdict']['held'][number]): string {
  if (what === 'landing') return `landing:${cause}`;
  if (cause === 'paused') return `paused:${what === 'extraction' ? 'extract' : what}`;
  return cause === 'storage' ? 'store-away' : `held:${what}:${cause}`;
}

/** One sentence, the same that the verdict is. */
export function sentence({ verdict, recordings, uses }: Status): string {
  const { alive, attention, held } = verdict;
  const problems = `${counted(attention.length, 'problem')} ${attention.length === 1 ? 'needs' : 'need'} attention.`;
  if (!alive)
    return `Not working: work waits and no worker takes it. ${attention.length > 0 ? problems : ''}`.trim();
  if (attention.length > 0) return problems;
  if (!uses.recordings) return 'All well: every job that keeps this host ran as it should.';
  if (recordings !== null && recordings.PENDING > 0)
    return `All well: ${counted(recordings.PENDING, 'recording')} (${size(recordings.pendingBytes)}) on their way to the bucket.`;
  if (held.length > 0) return 'All well: what waits goes on by itself.';
  return `All well: everything that landed is in the bucket${recordings === null ? '' : `, ${counted(recordings.SUCCESS, 'recording')} so far`}.`;
}

/** The newest changes, as they come; of a stretch of time the newest in it. */
function Arriving({ uploaded, stretch }: { uploaded: number; stretch: Stretch }): Shown {
  const within = stretch.kind === 'between' ? `&${stretchQuery(stretch)}` : '';
  const answer = useAnswer<Page<Recording>>(`/api/uploads?limit=${ARRIVING}${within}`, uploaded).value.value;
  const rows = answer?.rows ?? [];
  const isZoomed = within !== '';
  return html`<${Section}
    title=${isZoomed ? 'Latest recordings of this time' : 'Latest recordings'}
    aside=${html`<a href="/recordings${within.replace('&', '?')}"
      >All${answer?.total === undefined ? '' : ` ${count(answer.total)}`}</a
    >`}
  >
    ${
      rows.length === 0
        ? html`<${Empty} title=${isZoomed ? 'No recording' : 'No recording yet'}
            >${isZoomed ? 'None changed within this time.' : 'Put a tar into the landing directory.'}</${Empty}
          >`
        : html`<${Table}
            caption="Latest recordings"
            rows=${rows}
            keyOf=${(row: Recording) => row.path}
            columns=${[recordingColumns.changedAgo, recordingColumns.recording, recordingColumns.state, recordingColumns.size]}
          />`
    }
  </${Section}>`;
}
