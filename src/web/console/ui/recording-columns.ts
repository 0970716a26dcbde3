import { playingTime, size } from '../format.ts';
import { html } from '../html.ts';
import { idOf, type Recording } from '../rows.ts';
import { Path, StatusChip, Time } from './basics.ts';
import type { Column } from './table.ts';

/** What a list of recordings may show of each. */
export const recordingColumns = {
  changed: { head: 'Changed', kind: 'tight', cell: (row) => html`<${Time} at=${row.timestamp} />` },
  changedAgo: { head: 'Changed', kind: 'tight', cell: (row) => html`<${Time} at=${row.timestamp} ago />` },
  recording: {
    head: 'Recording',
    kind: 'wide',
    cell: (row) => html`<${Path} path=${row.path} href="/recordings/${row.id}" />`,
  },
  state: { head: 'State', kind: 'tight', cell: (row) => html`<${StatusChip} status=${row.status} />` },
  length: {
    head: 'Length',
    kind: 'figure',
    cell: (row) => (row.wav?.durationMs === undefined ? '' : playingTime(row.wav.durationMs)),
  },
  codec: { head: 'Codec', kind: 'tight', cell: (row) => row.wav?.codec ?? '' },
  size: { head: 'Size', kind: 'figure', cell: (row) => (row.size === undefined ? '' : size(row.size)) },
  tar: {
    head: 'Tar',
    cell: (row) =>
      row.tar === undefined
        ? ''
        : html`<a class="plain" href="/tars/${idOf(row.tar)}"
            >${row.tar.slice(row.tar.lastIndexOf('/') + 1)}</a
          >`,
  },
} as const satisfies Readonly<Record<string, Column<Recording>>>;
