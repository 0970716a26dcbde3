import type { CopiesStatus } from '../../../maintenance/catalogue/index.ts';
import { useAnswer, post } from '../api.ts';
import { count, size, span, splitPath, visible } from '../format.ts';
import { mayAct } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { agoMs, status } from '../live/status.ts';
import { Button, Chip, Copy, Empty, Path, Section, Time, Trouble, type Tone } from '../ui/basics.ts';
import { ask, closeDialog } from '../ui/dialog.ts';
import { doing } from '../ui/doing.ts';
import { Pager } from '../ui/fields.ts';
import { Calendar } from '../ui/calendar.ts';
import { useList, type List } from '../ui/list.ts';
import { Table, type Column } from '../ui/table.ts';
import { isAll } from '../sites.ts';
import { OneSite } from '../ui/sites.ts';

interface BackupRow {
  readonly id: string;
  readonly kind: string;
  readonly database?: string;
  readonly mirror?: string;
  readonly log?: string;
  readonly schedule?: string;
  readonly where: string;
  readonly path: string;
  readonly at: string;
  readonly bytes: number;
  readonly verified?: boolean;
  readonly damage?: string;
  readonly doubt?: string;
  readonly foreign?: string;
}

const DAYS = 35;

/** Every database, mirror, export and log: its runs day by day, what is late, what there is, how it is brought back. */
export function BackupsScreen(): Shown {
  return isAll.value ? html`<${OneSite} what="Backups are" />` : html`<${BackupsOfOne} />`;
}

const COLUMNS: readonly Column<BackupRow>[] = [
  { head: 'Taken', kind: 'tight', cell: (row) => html`<${Time} at=${row.at} />` },
  {
    head: 'Of',
    kind: 'tight',
    cell: (row) =>
      html`<b>${visible(row.database ?? row.mirror ?? row.log ?? '')}</b>
        <small class="quiet">${row.kind}</small>`,
  },
  { head: 'Where', kind: 'wide', cell: (row) => html`<${Path} path=${row.path} />` },
  { head: 'State', kind: 'tight', cell: (row) => stateOf(row) },
  { head: 'Size', kind: 'figure', cell: (row) => size(row.bytes) },
  {
    head: '',
    label: 'Actions',
    kind: 'tight',
    cell: (row) =>
      row.kind === 'snapshot' && row.database !== undefined && html`<${RestoreButtons} row=${row} />`,
  },
];

function RestoreButtons({ row }: { row: BackupRow }): Shown {
  return html`${mayAct && html`<${Button} small label="Restore test: ${visible(row.path)}" onClick=${() => restoreTest(row)}>Restore test</${Button}> `}<${Button}
      small
      label="Restore ${visible(row.path)}"
      onClick=${() => restoreDialog(row)}
      >Restore …</${Button}
    >`;
}

function BackupsOfOne(): Shown {
  const seen = status.value;
  // a run that ends keeps the time at which it began
  const runs = seen === undefined ? '' : seen.copies.map(({ last }) => `${last?.at} ${last?.outcome}`).join();
  const list = useList<BackupRow>('/api/backups', {
    asked: ['after'],
    always: { limit: '100' },
    again: runs,
  });
  const history = useAnswer<{ rows: readonly Run[] }>(`/api/runs?days=${DAYS}`, runs).value;
  if (seen === undefined) return html`<div class="skeleton" aria-busy="true">Asking …</div>`;
  return html`<div class="stack wide">
    <${Section} title="Schedules">
      ${seen.copies.length === 0 && html`<${Empty} title="Nothing is backed up">Add databases, mirrors or logs to the settings.</${Empty}>`}
      <ul class="schedules">
        ${seen.copies.map((copies) => html`<${Schedule} key=${`${copies.kind} ${copies.of} ${copies.schedule}`} copies=${copies} runs=${history.value?.rows ?? []} />`)}
      </ul>
    </${Section}>
    <${Section} title="What can be brought back"><${Copies} list=${list} /></${Section}>
  </div>`;
}

function Copies({ list: { answer, rows } }: { list: List<BackupRow> }): Shown {
  const total = answer.value?.total ?? rows.length;
  return html`${answer.error !== undefined && html`<${Trouble} error=${answer.error} />`}
  ${answer.value?.rows.length === 0 && html`<${Empty} title="No copy yet">Each schedule above says when its next one is due.</${Empty}>`}
  ${
    rows.length > 0 &&
    html`<${Table}
        caption="Backups"
        rows=${rows}
        keyOf=${(row: BackupRow) => row.id}
        columns=${COLUMNS}
      /><${Pager}
        next=${answer.value?.next ?? null}
        shown=${`${count(rows.length)} of ${count(total)} shown`}
      />`
  }`;
}

export interface Run {
  readonly job: string;
  readonly at: string;
  readonly outcome: 'running' | 'done' | 'failed';
  readonly ms: number | null;
  readonly reason: string | null;
}

const TONES: Readonly<Record<string, Tone>> = { done: 'good', failed: 'bad', running: 'info' };

function Schedule({ copies, runs }: { copies: CopiesStatus; runs: readonly Run[] }): Shown {
  const { kind, of, last } = copies;
  const job = jobOf(copies);
  const isOverdue = status.value?.schedules.some((one) => one.job === job && one.overdue) === true;
  return html`<li class=${isOverdue || last?.outcome === 'failed' ? 'bad' : ''}>
    <div class="what">
      <b title=${visible(of)}>${visible(kind === 'log' ? splitPath(of).name : of)}</b>
      <small class="quiet">${kindOf(copies)}</small>
      <div>${isOverdue && html`<${Chip} tone="bad">overdue</${Chip}>`}<${LastRun} copies=${copies} /></div>
      ${last?.error !== undefined && html`<p class="clamp bad">${visible(last.error)}</p>`}
      ${copies.fault !== undefined && html`<p class="bad">${visible(copies.fault)}</p>`}
    </div>
    <${Calendar} days=${DAYS} label="Runs of ${job}" runs=${runs.filter((run) => run.job === job)} />
    <${Kept} copies=${copies} />
    <div class="actions">${mayAct && html`<${RunNow} copies=${copies} />`}</div>
  </li>`;
}

/** The job's id, as the journal has it. */
function jobOf({ kind, of, schedule }: CopiesStatus): string {
  if (kind === 'mirror') return `mirror ${of}`;
  return kind === 'log' ? `rotate ${of}` : `${kind} ${of} ${schedule}`;
}

function kindOf({ kind, schedule }: CopiesStatus): string {
  return kind === 'mirror' || kind === 'log' ? kind : `${kind} ${visible(schedule)}`;
}

function LastRun({ copies: { last, enabled } }: { copies: CopiesStatus }): Shown {
  if (last === null) return html`<${Chip}>${enabled ? 'not run yet' : 'only on request'}</${Chip}>`;
  return html`<${Chip} tone=${TONES[last.outcome] ?? 'neutral'}>${last.outcome}</${Chip}>
    <${Time} at=${last.at} ago />`;
}

function Kept({ copies }: { copies: CopiesStatus }): Shown {
  const { newest, inDoubt, damaged, retention, directory } = copies;
  const doubt = inDoubt.length > 0 ? `, ${count(inDoubt.length)} in doubt` : '';
  const bad = damaged.length > 0 ? `, ${count(damaged.length)} damaged` : '';
  return html`<dl class="facts small">
    <div>
      <dt>Kept</dt>
      <dd>${`${count(copies.count)}: ${visible(retention)}${doubt}${bad}`}</dd>
    </div>
    <div>
      <dt>Newest good</dt>
      <dd>${newest === null ? 'none' : html`<${Time} at=${newest.at} ago />, ${size(newest.bytes)}`}</dd>
    </div>
    <div>
      <dt>Next</dt>
      <dd>${nextOf(copies)}</dd>
    </div>
    <div>
      <dt>In</dt>
      <dd class="path">${visible(directory)}</dd>
    </div>
  </dl>`;
}

function nextOf({ next, on }: CopiesStatus): Shown {
  if (next !== null) return html`<${Time} at=${next} />`;
  return on === undefined ? 'on request' : `on the event ${on}`;
}

function RunNow({ copies: { kind, of, schedule, on } }: { copies: CopiesStatus }): Shown {
  const body =
    kind === 'mirror'
      ? { mirror: of }
      : kind === 'export'
        ? { database: of, export: schedule }
        : kind === 'snapshot' && on === undefined
          ? { database: of }
          : undefined;
  if (body === undefined) return null;
  return html`<${Button}
      small
      label="Run now: ${kind} ${visible(of)}"
      onClick=${() => doing(`${kind} ${of}`, () => post('/api/backups/run', body))}
      >Run now</${Button}
    >
    ${kind === 'snapshot' && html`<${Button} small label="Verify the copies of ${visible(of)}" onClick=${() => verify(of)}>Verify</${Button}>`}`;
}

function verify(database: string): Promise<void> {
  return doing(
    `Verify ${database}`,
    () => post<{ snapshots: readonly { ok: boolean; path: string }[] }>('/api/backups/verify', { database }),
    ({ snapshots }) => {
      const bad = snapshots.filter(({ ok }) => !ok);
      return bad.length === 0
        ? `${count(snapshots.length)} copies read back: all sound`
        : {
            tone: 'bad',
            text: `${count(bad.length)} of ${count(snapshots.length)} are not sound: ${bad[0]?.path ?? ''}`,
          };
    },
  );
}

/** Restores the copy to a scratch file on the host, and throws that away. */
function restoreTest({ database = '', path }: BackupRow): Promise<void> {
  return doing(
    'Restore test',
    () =>
      post<{ snapshots: readonly { ok: boolean; reason?: string }[]; ms: number }>('/api/backups/verify', {
        database,
        path,
      }),
    ({ snapshots: [tested], ms }) =>
      tested?.ok === true
        ? `Restored to a scratch file in ${span(ms)}: sound`
        : { tone: 'bad', text: `Not sound: ${tested?.reason ?? 'the reason is not known'}` },
  );
}

function stateOf({ verified, damage, doubt, foreign, at }: BackupRow): Shown {
  if (damage !== undefined) return html`<${Chip} tone="bad">damaged</${Chip}>`;
  if (foreign !== undefined) return html`<${Chip}>not ours</${Chip}>`;
  if (doubt !== undefined) return html`<${Chip} tone="warn">in doubt</${Chip}>`;
  if (verified === true) return html`<${Chip} tone="good">verified</${Chip}>`;
  return html`<${Chip} tone="neutral">${agoMs(Date.parse(at)) < 0 ? 'of the future' : 'kept'}</${Chip}>`;
}

/** A restore is a command: it asks on a terminal, where the program that uses the database can be stopped first. */
function restoreDialog({ database = '', path, at, bytes }: BackupRow): void {
  const command = `wavspool restore ${database} --from ${quoted(path)}`;
  ask(
    `Restore ${visible(database)}?`,
    () =>
      html`<div class="stack">
        <p>
          Run this on the host. It verifies the copy of <${Time} at=${at} /> (${size(bytes)}) first, keeps the
          present database beside it, puts the copy in its place and verifies again. It asks before it does.
        </p>
        <${Copy} text=${command} label="Copy the command" />
        <p class="quiet">To look at the copy only:</p>
        <${Copy} text=${`${command} --verify-only`} label="Copy the command" />
        <div class="actions"><button type="button" class="plain" onClick=${closeDialog}>Close</button></div>
      </div>`,
  );
}

function quoted(path: string): string {
  return /^[\w./:@%+=,-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
