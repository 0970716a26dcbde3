/** Faults of the services that a role or a command needs, beside the store: a part of the table of all faults. */
export const SERVICE_FAULTS = {
  REDIS_UNREACHABLE: {
    cause: 'redis',
    retry: 'this one',
    exit: 3,
    remedy: 'start "wavspool up", or the Redis that redis.url names',
  },
  REDIS_REFUSES: {
    cause: 'redis',
    retry: 'this one',
    exit: 3,
    remedy:
      'look at Redis: its memory or disk is full, replicas are missing, it is a replica itself, or its user lacks rights',
  },
  STATE_UNUSABLE: {
    cause: 'state',
    retry: 'when there is room',
    exit: 3,
    remedy: 'check the path, its permissions and its disk; it goes on by itself when state.db can be used',
  },
  STATE_DAMAGED: {
    cause: 'state',
    retry: 'when there is room',
    exit: 3,
    remedy:
      'stop wavspool, then "wavspool restore state" and "wavspool rescan --from-receipts"; look at the disk',
  },
  STATE_BUSY: {
    cause: 'state',
    retry: 'when there is room',
    exit: 3,
    remedy: 'another program holds a write lock on state.db: find and end it',
  },
  LEDGER_AWAY: {
    cause: 'state',
    retry: 'when there is room',
    exit: 3,
    remedy: 'bring back the PostgreSQL that state.url names, or promote a standby; it goes on by itself then',
  },
  LEDGER_SCHEMA: {
    cause: 'state',
    retry: 'when there is room',
    exit: 3,
    remedy: 'run "wavspool state migrate" with rights to make tables, then start again',
  },
  STATE_TOO_NEW: {
    cause: 'state',
    retry: 'never',
    exit: 3,
    remedy: 'run the wavspool version that wrote this ledger, or a newer one',
  },
  STATE_FOREIGN: {
    cause: 'state',
    retry: 'never',
    exit: 3,
    remedy: 'point paths.state elsewhere, or copy the rows into the two tables as docs/state.md gives them',
  },
  PROGRAM_MISSING: { cause: 'program', retry: 'never', exit: 3, remedy: 'install the named program' },
  SITE_ELSEWHERE: {
    cause: 'site',
    retry: 'when there is room',
    exit: 3,
    remedy:
      'give this host a site of its own, or mount the directories that the other roles of the site work in',
  },
  SITE_UNASKED: { cause: 'site', retry: 'never', exit: 3, remedy: 'name it in "sites", or ask on its host' },
  SITE_AWAY: { cause: 'site', retry: 'never', exit: 3, remedy: 'start its dashboard, or correct "sites"' },
  ALREADY_RUNNING: { cause: 'usage', retry: 'never', exit: 2, remedy: 'stop the running one first' },
} as const satisfies Record<string, Fault>;

/** A row of the table. */
export interface Fault {
  readonly cause: string;
  readonly retry: 'this one' | 'when the store is back' | 'when there is room' | 'never';
  readonly exit: 1 | 2 | 3 | 130;
  readonly remedy: string;
}
