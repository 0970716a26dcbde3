import type { DiskStatus } from '../../../operate/status/index.ts';
import { useAnswer } from '../api.ts';
import { count, size, visible } from '../format.ts';
import { mayAct } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { status } from '../live/status.ts';
import { Age, Button, Chip, Section, Time, Trouble } from '../ui/basics.ts';
import { drainDialog } from '../ui/drain.ts';
import { Facts } from '../ui/facts.ts';
import { Table } from '../ui/table.ts';

interface SystemAnswer {
  readonly version: string;
  readonly node: string;
  readonly settingsFile: string | null;
  readonly settings: readonly { readonly name: string; readonly value: string; readonly source: string }[];
}

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
  const seen = status.value;
  const answer = useAnswer<SystemAnswer>('/api/system').value;
  if (seen === undefined) return html`<div class="skeleton" aria-busy="true">Asking …</div>`;
  const disks = Object.entries(seen.disk).flatMap(([name, disk]): Disk[] =>
    disk === null ? [] : [{ ...disk, name }],
  );
  const { store, redis, state } = seen;
  return html`<div class="stack wide">
    <div class="columns">
      <${Section} title="Services"
        ><${Facts}
          facts=${[
            [
              'Storage',
              store !== null &&
                (store.available
                  ? html`<${Chip} tone="good">available</${Chip}>`
                  : html`<${Chip} tone="bad">unavailable</${Chip}> ${visible(store.message ?? '')}`),
            ],
            [
              'Redis',
              redis !== null &&
                (redis.available
                  ? html`<${Chip} tone="good">answers</${Chip}>`
                  : html`<${Chip} tone="bad">away</${Chip}> ${visible(redis.message ?? '')}`),
            ],
            [
              'state.db',
              html`${state.fault === null ? html`<${Chip} tone="good">readable</${Chip}>` : html`<${Chip} tone="bad">${visible(state.fault.message)}</${Chip}>`}
              ${' '}${visible(state.path)}`,
            ],
            [
              'Checked whole',
              state.check !== null &&
                html`<${Time} at=${state.check.at} />${': '}
                  ${state.check.faults.length === 0 ? 'sound' : visible(state.check.faults.join('; '))}`,
            ],
          ]}
      /></${Section}>
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
        columns=${[
          { head: 'Role', cell: (row: Role) => html`<b>${row.role}</b>` },
          { head: 'Host', cell: (row: Role) => visible(row.host) },
          { head: 'PID', kind: 'figure', cell: (row: Role) => row.pid },
          { head: 'Up for', kind: 'figure', cell: (row: Role) => html`<${Age} since=${row.startedAt} />` },
          { head: 'Memory', kind: 'figure', cell: (row: Role) => size(row.rssBytes) },
          {
            head: 'Running',
            kind: 'figure',
            cell: (row: Role) => (row.jobs === undefined ? '' : count(row.jobs.active)),
          },
          {
            head: 'Done',
            kind: 'figure',
            cell: (row: Role) => (row.jobs === undefined ? '' : count(row.jobs.finished)),
          },
          {
            head: 'Loop delay',
            kind: 'figure',
            cell: (row: Role) => `${count(Math.round(row.loopRecentMs))} ms`,
          },
        ]}
      />
    </${Section}>
    <${Section} title="Disks">
      <${Table}
        caption="Disks"
        rows=${disks}
        keyOf=${(row: Disk) => row.name}
        columns=${[
          {
            head: 'Directory',
            kind: 'wide',
            cell: (row: Disk) =>
              html`<b>${visible(row.name)}</b> <small class="quiet">${visible(row.path)}</small>`,
          },
          { head: 'Free', kind: 'figure', cell: (row: Disk) => size(row.freeBytes) },
          { head: 'Of', kind: 'figure', cell: (row: Disk) => size(row.totalBytes) },
          {
            head: 'Used',
            cell: (row: Disk) =>
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
            cell: (row: Disk) => (row.totalInodes === 0 ? '' : count(row.freeInodes)),
          },
        ]}
      />
    </${Section}>
    <${Section} title="Settings in effect">
      ${answer.error !== undefined && html`<${Trouble} error=${answer.error} />`}
      <${Table}
        caption="Settings"
        rows=${answer.value?.settings ?? []}
        keyOf=${({ name }: { name: string }) => name}
        columns=${[
          { head: 'Setting', cell: ({ name }: { name: string }) => html`<code>${visible(name)}</code>` },
          { head: 'Value', kind: 'wide', cell: ({ value }: { value: string }) => visible(value) },
          {
            head: 'From',
            kind: 'tight',
            cell: ({ source }: { source: string }) => html`<span class="quiet">${visible(source)}</span>`,
          },
        ]}
      />
    </${Section}>
  </div>`;
}
