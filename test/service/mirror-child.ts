import { runMirror, type MirrorSettings } from '../../src/maintenance/mirror/index.ts';
import { ORIGIN } from '../support/mirror-rig.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';

// One run of a mirror in a process of its own, to be killed, or without root's rights: node mirror-child.ts SOURCE DIR [UID]

const [source = '', dir = '', uid] = process.argv.slice(2);
if (uid !== undefined) {
  // not before: that user may not be able to read this checkout
  process.setgroups?.([]);
  process.setgid?.(Number(uid));
  process.setuid?.(Number(uid));
}
const mirror: MirrorSettings = {
  name: 'killed',
  source,
  exclude: [],
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
    origin: ORIGIN,
    databases: [],
    snapshotInto: () => Promise.reject(new Error('this mirror has no databases')),
  },
  mirror,
  new AbortController().signal,
);
