import type { Heartbeat } from '../../src/platform/presence/index.ts';

/** What a role on the host `here` publishes while it does nothing. */
export function heartbeat(changes: Partial<Heartbeat>): Heartbeat {
  return {
    role: 'upload',
    host: 'here',
    pid: 1,
    startedAt: 0,
    at: 0,
    rssBytes: 0,
    peakRssBytes: 0,
    cpuMs: 0,
    loopMaxMs: 0,
    loopRecentMs: 0,
    counters: {},
    ...changes,
  };
}
