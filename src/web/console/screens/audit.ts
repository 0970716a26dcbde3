import { useEffect, useState } from 'preact/hooks';
import type { AuditedFinding, AuditSummary } from '../../../operate/audit/index.ts';
import type { AuditRun, AuditWords } from '../../audit-desk.ts';
import { asApiError, ask as demand, post } from '../api.ts';
import { count, counted, span, visible } from '../format.ts';
import { mayAct } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { agoMs } from '../live/status.ts';
import { idOf } from '../rows.ts';
import { Button, Chip, Empty, Path, Section, Time, Trouble } from '../ui/basics.ts';
import { ask, closeDialog } from '../ui/dialog.ts';
import { doing } from '../ui/doing.ts';
import { Facts, type Fact } from '../ui/facts.ts';
import { Table, type Column } from '../ui/table.ts';
import { isAll } from '../sites.ts';
import { OneSite } from '../ui/sites.ts';

interface PastAudit {
  readonly at: string;
  readonly event: string;
  readonly by: string;
  readonly asked: string;
  readonly ok?: boolean;
  readonly checked?: number;
  readonly findings?: number;
  readonly repaired?: number;
}

interface Told {
  readonly run: AuditRun | null;
  readonly past: readonly PastAudit[];
}

const RUNNING_MS = 500;
const RESTING_MS = 5000;
/** More would be slow to draw; the command lists all. */
const MOST_SHOWN = 500;

/** The bucket against state.db, now: what is asked, how far it is, what it found. */
export function AuditScreen(): Shown {
  return isAll.value ? html`<${OneSite} what="Audits are" />` : html`<${AuditOfOne} />`;
}

function AuditOfOne(): Shown {
  const { told, error, again } = useAudit();
  if (told === undefined)
    return error === undefined
      ? html`<div class="skeleton" aria-busy="true">Asking …</div>`
      : html`<${Trouble} error=${error} />`;
  const { run, past } = told;
  return html`<div class="stack wide">
    ${error !== undefined && html`<${Trouble} error=${error} />`}
    ${mayAct && run?.state !== 'running' && html`<${Begin} begun=${again} />`}
    ${run === null && past.length === 0 && html`<${Empty} title="No audit yet">It compares every uploaded recording with its object, and every object with state.db.</${Empty}>`}
    ${run !== null && html`<${Run} run=${run} again=${again} />`}
    ${past.length > 0 && html`<${Past} past=${past} />`}
  </div>`;
}

/** How the audit stands, asked again and again; `again` asks at once. */
function useAudit(): {
  readonly told: Told | undefined;
  readonly error: { message: string; remedy: string } | undefined;
  readonly again: () => void;
} {
  const [told, setTold] = useState<Told | undefined>();
  const [error, setError] = useState<{ message: string; remedy: string } | undefined>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const gone = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      let wait = RESTING_MS;
      try {
        const next = await demand<Told>('/api/audit', { signal: gone.signal });
        setTold(next);
        setError(undefined);
        if (next.run?.state === 'running') wait = RUNNING_MS;
      } catch (fault) {
        if (!gone.signal.aborted) setError(asApiError(fault));
      }
      if (!gone.signal.aborted) timer = setTimeout(() => void look(), wait);
    };
    void look();
    return () => {
      gone.abort();
      clearTimeout(timer);
    };
  }, [turn]);
  return { told, error, again: () => setTurn((last) => last + 1) };
}

const CHOICES = [
  [
    'deep',
    'Download every object and hash its bytes',
    'Hours for a large bucket; the store may charge for it.',
  ],
  ['receipts', 'Walk the chain of receipts too', 'Finds a receipt that was removed or changed.'],
  ['repair', 'Repair what is missing or differs', 'Uploads again from the extracted file or its tar.'],
] as const;

function Begin({ begun }: { begun: () => void }): Shown {
  const [chosen, setChosen] = useState<Readonly<Record<string, boolean>>>({});
  const [since, setSince] = useState('');
  const [sample, setSample] = useState('');
  const words: AuditWords = {
    ...chosen,
    ...(since !== '' && { since }),
    ...(sample !== '' && { sample: Number(sample) }),
  };
  const start = (): Promise<void> =>
    doing(
      'Audit',
      () => post('/api/audit', words),
      () => {
        begun();
        return 'The audit has begun';
      },
    );
  const sure = (): void => {
    if (chosen['repair'] === true)
      ask('Repair what the audit finds?', () => html`<${Sure} start=${start} />`);
    else void start();
  };
  return html`<${Section} title="Begin an audit">
    <form
      class="stack"
      onSubmit=${(event: Event) => {
        event.preventDefault();
        sure();
      }}
    >
      <div class="row">
        <${Field} label="Uploaded since (UTC)" type="date" value=${since} told=${setSince} />
        <${Field}
          label="Only so many, by chance"
          type="number"
          min="1"
          placeholder="all"
          value=${sample}
          told=${setSample}
        />
      </div>
      ${CHOICES.map(
        ([name, label, hint]) =>
          html`<label class="check" key=${name}
            ><input
              type="checkbox"
              checked=${chosen[name] === true}
              onChange=${() => setChosen({ ...chosen, [name]: chosen[name] !== true })}
            />
            <span>${label} <small class="quiet">${hint}</small></span></label
          >`,
      )}
      <div class="actions">
        <button class="primary">Begin${chosen['repair'] === true ? ' …' : ''}</button>
      </div>
    </form>
  </${Section}>`;
}

function Field({
  label,
  told,
  ...input
}: {
  label: string;
  told: (value: string) => void;
  type: string;
  value: string;
}): Shown {
  return html`<label class="field"
    ><span>${label}</span
    ><input ...${input} onInput=${(event: Event) => told((event.currentTarget as HTMLInputElement).value)}
  /></label>`;
}

function Sure({ start }: { start: () => Promise<void> }): Shown {
  return html`<div class="stack">
    <p>
      Each recording that is missing or differs is uploaded again from what this host still has. An object
      with other bytes is moved to
      <code>.altered/</code> first; nothing is overwritten. What cannot be repaired is listed with the reason.
    </p>
    <div class="actions">
      <button type="button" class="plain" onClick=${closeDialog}>Cancel</button>
      <${Button}
        kind="primary"
        onClick=${async () => {
          closeDialog();
          await start();
        }}
        >Audit and repair</${Button}
      >
    </div>
  </div>`;
}

const FINDING_COLUMNS: readonly Column<AuditedFinding>[] = [
  {
    head: 'What',
    kind: 'tight',
    cell: (row) => html`<${Chip} tone=${row.sign === '+' ? 'warn' : 'bad'}>${SIGNS[row.sign]}</${Chip}>`,
  },
  { head: 'Where', kind: 'wide', cell: (row) => whereOf(row) },
  {
    head: 'Why',
    kind: 'wide',
    cell: (row) =>
      html`${visible(row.reason)}${row.repair !== undefined && html`<small class="quiet clamp">${visible(row.repair)}</small>`}`,
  },
];

function Run({ run, again }: { run: AuditRun; again: () => void }): Shown {
  const { startedAt, endedAt, error, remedy } = run;
  const isRunning = run.state === 'running';
  const ms = (endedAt === null ? agoMs(0) : Date.parse(endedAt)) - Date.parse(startedAt);
  return html`<section class="card" aria-label="Audit" aria-busy=${isRunning}>
    <header class="bar">
      <h2>${isRunning ? 'Under way' : 'The last audit'}</h2>
      ${mayAct && isRunning && html`<${Button} small onClick=${() => stop(again)}>Stop</${Button}>`}
    </header>
    <p class="sentence" role="status">${sentenceOf(run)}</p>
    ${isRunning && html`<${Progress} run=${run} />`}
    ${error !== null && html`<${Trouble} error=${{ message: error, remedy: remedy ?? '' }} />`}
    <${Facts}
      facts=${[
        ['Begun', html`<${Time} at=${startedAt} />, by ${run.by} from ${visible(run.from)}`],
        [isRunning ? 'For' : 'Took', span(Math.max(0, ms))],
        ['Asked', askedFor(run.words)],
        ...(run.summary === null ? [] : factsOf(run.summary)),
      ]}
    />
    <${Findings} run=${run} />
  </section>`;
}

function Progress({ run: { rows, checked } }: { run: AuditRun }): Shown {
  return html`<progress
    aria-label="Checked"
    max=${Math.max(1, rows)}
    value=${rows === 0 ? undefined : checked}
  ></progress>`;
}

function Findings({ run: { findings, found } }: { run: AuditRun }): Shown {
  if (findings.length === 0) return null;
  return html`<${Table}
      caption="Findings"
      rows=${findings.slice(0, MOST_SHOWN)}
      keyOf=${(row: AuditedFinding) => `${row.sign} ${row.key} ${row.reason}`}
      columns=${FINDING_COLUMNS}
    />${found > MOST_SHOWN && html`<p class="quiet">${count(MOST_SHOWN)} of ${count(found)} findings; "wavspool audit" lists every one.</p>`}`;
}

function stop(again: () => void): Promise<void> {
  return doing(
    'Stop the audit',
    () => post('/api/audit/stop').then(again),
    () => 'The audit was stopped',
  );
}

const SIGNS: Readonly<Record<AuditedFinding['sign'], string>> = {
  '-': 'missing',
  '+': 'only there',
  '*': 'differs',
  '!': 'could not be checked',
};

function whereOf({ recording, tar, key }: AuditedFinding): Shown {
  if (recording !== undefined)
    return html`<${Path} path=${recording} href="/recordings/${idOf(recording)}" />`;
  if (tar !== undefined) return html`<${Path} path=${tar} href="/tars/${idOf(tar)}" />`;
  return html`<${Path} path=${key} />`;
}

function sentenceOf({ state, checked, rows, found, summary }: AuditRun): string {
  const findings = found === 0 ? 'nothing found' : counted(found, 'finding');
  if (state === 'running')
    return rows === 0
      ? 'Reading what is to be checked …'
      : `Checked ${count(checked)} of ${counted(rows, 'recording')}: ${findings} so far.`;
  if (state === 'stopped') return `Stopped after ${counted(checked, 'recording')}: ${findings} until then.`;
  if (summary === null) return 'The audit failed.';
  const { pending, failed, tars } = summary.open;
  const open = pending + failed + tars;
  if (found > 0) return `${counted(found, 'finding')} in ${counted(summary.checked, 'recording')}.`;
  return open === 0
    ? `All ${counted(summary.checked, 'recording')} are in the bucket as they should be.`
    : `Every one of ${counted(summary.checked, 'recording')} is as it should be; ${count(open)} are not uploaded.`;
}

function askedFor({ since, sample, deep, repair, receipts }: AuditWords): string {
  const parts = [
    since === undefined ? 'all that was uploaded' : `uploaded since ${since} UTC`,
    sample === undefined ? '' : `${count(sample)} by chance`,
    deep === true ? 'bytes hashed' : '',
    receipts === true ? 'receipts' : '',
    repair === true ? 'repair' : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function factsOf(summary: AuditSummary): readonly Fact[] {
  const { same, missing, extra, differing, errors, repaired, listed, receipts, open } = summary;
  return [
    ['The same', count(same)],
    ['Missing in the bucket', count(missing)],
    ['In the bucket only', count(extra)],
    ['Differ', count(differing)],
    ['Not to be said, or not taken', count(errors)],
    ['Repaired', repaired > 0 && count(repaired)],
    ['Receipts walked', receipts !== undefined && count(receipts)],
    ['Objects listed', count(listed)],
    [
      'Not uploaded',
      `${count(open.pending)} pending, ${count(open.failed)} failed, ${counted(open.tars, 'failed tar')}`,
    ],
  ];
}

function Past({ past }: { past: readonly PastAudit[] }): Shown {
  return html`<${Section}
    title="Audits from here"
    aside=${html`<a href="/events?search=audit">In the events</a>`}
  >
    <${Table}
      caption="Audits from here"
      rows=${past}
      keyOf=${(row: PastAudit) => row.at}
      columns=${[
        { head: 'Over', kind: 'tight', cell: (row: PastAudit) => html`<${Time} at=${row.at} />` },
        {
          head: 'Outcome',
          kind: 'tight',
          cell: (row: PastAudit) =>
            row.event !== 'audit finished'
              ? html`<${Chip} tone=${row.event === 'audit failed' ? 'bad' : 'neutral'}
                  >${row.event.slice('audit '.length)}</${Chip}
                >`
              : html`<${Chip} tone=${row.ok === true ? 'good' : 'bad'}
                  >${row.ok === true ? 'all as it should be' : row.findings === 0 ? 'not all uploaded' : counted(row.findings ?? 0, 'finding')}</${Chip}
                >`,
        },
        {
          head: 'Checked',
          kind: 'figure',
          cell: (row: PastAudit) => (row.checked === undefined ? '' : count(row.checked)),
        },
        {
          head: 'Repaired',
          kind: 'figure',
          cell: (row: PastAudit) => (row.repaired ? count(row.repaired) : ''),
        },
        {
          head: 'Asked',
          kind: 'wide',
          cell: (row: PastAudit) => askedFor(JSON.parse(row.asked) as AuditWords),
        },
        { head: 'By', kind: 'tight', cell: (row: PastAudit) => row.by },
      ]}
    />
  </${Section}>`;
}
