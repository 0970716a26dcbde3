import type { DiskStatus } from '../../../operate/health/index.ts';
import type { Status } from '../../../operate/status/index.ts';
import { useAnswer } from '../api.ts';
import { count, size, splitPath, visible } from '../format.ts';
import { mayAct } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { status } from '../live/status.ts';
import { Age, Button, Chip, Section, Time, Trouble } from '../ui/basics.ts';
import { drainDialog } from '../ui/drain.ts';
import { Facts, type Fact } from '../ui/facts.ts';
import { Table, type Column } from '../ui/table.ts';
import { isAll } from '../sites.ts';
import { OneSite } from '../ui/sites.ts';

interface SystemAnswer {
  readonly version: string;
  readonly node: string;
  readonly settingsFile: string | null;
  readonly settings: readonly { readonly name: string; readonly value: string; readonly source: string }[];
}

/** How the API writes a setting that is absent. */
const UNSET = 'null';

interface Disk extends DiskStatus {
  readonly name: string;
}

interface Role {
  readonly role: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly rssBytes: number;
  readonly loopRecentMs: number;
  readonly jobs?: { readonly active: number; readonly finished: number };
}

/** Who works where, what there is room for, what the store said, and what is set. */
export function SystemScreen(): Shown {
  return isAll.value ? html`<${OneSite} what="Roles, disks and settings are" />` : html`<${SystemOfOne} />`;
}

const ROLE_COLUMNS: readonly Column<Role>[] = [
  { head: 'Role', cell: (row) => html`<b>${row.role}</b>` },
  { head: 'Host', cell: (row) => visible(row.host) },
  { head: 'PID', kind: 'figure', cell: (row) => row.pid },
  { head: 'Up for', kind: 'figure', cell: (row) => html`<${Age} since=${row.startedAt} />` },
  { head: 'Memory', kind: 'figure', cell: (row) => size(row.rssBytes) },
  {
    head: 'Running',
    kind: 'figure',
    cell: (row) => (row.jobs === undefined ? '' : count(row.jobs.active)),
  },
  {
    head: 'Done',
    kind: 'figure',
    cell: (row) => (row.jobs === undefined ? '' : count(row.jobs.finished)),
  },
  { head: 'Loop delay', kind: 'figure', cell: (row) => `${count(Math.round(row.loopRecentMs))} ms` },
];

const DISK_COLUMNS: readonly Column<Disk>[] = [
  {
    head: 'Directory',
    kind: 'wide',
    cell: (row) => html`<b>${visible(row.name)}</b> <small class="quiet">${visible(row.path)}</small>`,
  },
  { head: 'Free', kind: 'figure', cell: (row) => size(row.freeBytes) },
  { head: 'Of', kind: 'figure', cell: (row) => size(row.totalBytes) },
  {
    head: 'Used',
    cell: (row) =>
      html`<meter
        min="0"
        max="1"
        high="0.9"
        aria-label="Used of ${visible(row.path)}"
        value=${1 - row.freeBytes / row.totalBytes}
      ></meter>`,
  },
  {
    head: 'Free inodes',
    kind: 'figure',
    cell: (row) => (row.totalInodes === 0 ? '' : count(row.freeInodes)),
  },
];

const SETTING_COLUMNS: readonly Column<SystemAnswer['settings'][number]>[] = [
  { head: 'Setting', cell: ({ name }) => html`<code>${visible(name)}</code>` },
  {
    head: 'Value',
    kind: 'wide',
    cell: ({ value }) => (value === UNSET ? html`<span class="quiet">not set</span>` : visible(value)),
  },
  {
    head: 'From',
    kind: 'tight',
    cell: ({ source }) =>
      html`<span class="quiet" title=${visible(source)}>${visible(splitPath(source).name)}</span>`,
  },
];

function SystemOfOne(): Shown {
  const seen = status.value;
  const answer = useAnswer<SystemAnswer>('/api/system').value;
  if (seen === undefined) return html`<div class="skeleton" aria-busy="true">Asking …</div>`;
  const disks = Object.entries(seen.disk ?? {}).flatMap(([name, disk]): Disk[] =>
    disk === null ? [] : [{ ...disk, name }],
  );
  return html`<div class="stack wide">
    <div class="columns">
      <${Section} title="Services"><${Facts} facts=${servicesOf(seen)} /></${Section}>
      <${Section} title="Version"
        ><${Facts}
          facts=${[
            ['wavspool', answer.value?.version],
            ['Node', answer.value?.node],
            ['Site', seen.site],
            ['Settings', answer.value?.settingsFile],
          ]}
      /></${Section}>
    </div>
    <${Section}
      title="Roles"
      aside=${mayAct && html`<${Button} small onClick=${drainDialog}>Drain …</${Button}>`}
    >
      <${Table}
        caption="Roles"
        rows=${seen.roles}
        keyOf=${(row: Role) => `${row.host} ${row.pid} ${row.role}`}
        columns=${ROLE_COLUMNS}
      />
    </${Section}>
    <${Section} title="Disks">
      <${Table} caption="Disks" rows=${disks} keyOf=${(row: Disk) => row.name} columns=${DISK_COLUMNS} />
    </${Section}>
    <${Section} title="Settings in effect">
      ${answer.error !== undefined && html`<${Trouble} error=${answer.error} />`}
      <${Table}
        caption="Settings"
        rows=${answer.value?.settings ?? []}
        keyOf=${({ name }: { name: string }) => name}
        columns=${SETTING_COLUMNS}
      />
    </${Section}>
  </div>`;
}

/** How the store, Redis and `state.db` are; what is not known of one is left out. */
function servicesOf({ store, redis, state }: Status): readonly Fact[] {
  return [
    ['Storage', store !== null && serviceOf(store, 'available', 'unavailable')],
    ['Redis', redis !== null && serviceOf(redis, 'answers', 'away')],
    ['state.db', html`<${StateChip} fault=${state.fault} /> ${visible(state.path)}`],
    ['Checked whole', state.check !== null && checkOf(state.check)],
  ];
}

function serviceOf(
  { available, message = '' }: { readonly available: boolean; readonly message?: string | undefined },
  good: string,
  bad: string,
): Shown {
  return available
    ? html`<${Chip} tone="good">${good}</${Chip}>`
    : html`<${Chip} tone="bad">${bad}</${Chip}> ${visible(message)}`;
}

function StateChip({ fault }: Pick<Status['state'], 'fault'>): Shown {
  return fault === null
    ? html`<${Chip} tone="good">readable</${Chip}>`
    : html`<${Chip} tone="bad">${visible(fault.message)}</${Chip}>`;
}

function checkOf({ at, faults }: NonNullable<Status['state']['check']>): Shown {
  return html`<${Time} at=${at} />: ${faults.length === 0 ? 'sound' : visible(faults.join('; '))}`;
}
