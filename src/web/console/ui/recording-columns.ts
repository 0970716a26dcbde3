import { playingTime, size, visible } from '../format.ts';
import { html } from '../html.ts';
import { idOf, type Recording } from '../rows.ts';
import { about } from '../sites.ts';
import { Path, StatusChip, Time } from './basics.ts';
import type { Column } from './table.ts';

/** What a list of recordings may show of each. */
export const recordingColumns = {
  changed: { head: 'Changed', kind: 'tight', cell: (row) => html`<${Time} at=${row.timestamp} />` },
  changedAgo: { head: 'Changed', kind: 'tight', cell: (row) => html`<${Time} at=${row.timestamp} ago />` },
  recording: {
    head: 'Recording',
    kind: 'wide',
    cell: (row) => html`<${Path} path=${row.path} href=${about(`/recordings/${row.id}`, row.site)} />`,
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
        : html`<a
            class="plain short"
            title=${visible(row.tar)}
            href=${about(`/tars/${idOf(row.tar)}`, row.site)}
            >${visible(row.tar.slice(row.tar.lastIndexOf('/') + 1))}</a
          >`,
  },
} as const satisfies Readonly<Record<string, Column<Recording>>>;
