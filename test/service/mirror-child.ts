import { runMirror, type MirrorSettings } from '../../src/mirror/index.ts';
import { systemClock } from '../../src/runtime/index.ts';

// One run of a mirror in a process of its own, to be killed: node mirror-child.ts SOURCE DIR

const [source = '', dir = ''] = process.argv.slice(2);
const mirror: MirrorSettings = {
  name: 'killed',
  source,
  databases: [],
  dir,
  cron: '0 3 * * *',
  keep: { last: 3, weekday: 'sunday' },
};
await runMirror(
  {
    clock: systemClock,
    report: () => undefined,
    timezone: 'UTC',
    databases: [],
    snapshotInto: () => Promise.reject(new Error('this mirror has no databases')),
  },
  mirror,
  new AbortController().signal,
);
