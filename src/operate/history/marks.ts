import type { KeptEvent } from '../../domain/history.ts';

/** What held work up, or began it anew: from when until when (ms since 1970; undefined: it lasts). */
export interface Mark {
  readonly at: number;
  readonly until: number | undefined;
  readonly what: 'outage' | 'redis' | 'ledger' | 'pause' | 'restart';
  readonly said: string;
}

/** The events that {@link marksOf} reads. */
export const MARKING = [
  'store away',
  'store back',
  'redis away',
  'redis back',
  'ledger away',
  'ledger back',
  'queues paused',
  'queues resumed',
  'role started',
] as const;

const BEGINS: Readonly<Record<string, readonly [what: Mark['what'], said: string]>> = {
  'store away': ['outage', 'Storage unavailable'],
  'redis away': ['redis', 'Redis unreachable'],
  'ledger away': ['ledger', 'Ledger unreachable'],
  'queues paused': ['pause', 'Paused'],
};
const ENDS: Readonly<Record<string, Mark['what']>> = {
  'store back': 'outage',
  'redis back': 'redis',
  'ledger back': 'ledger',
  'queues resumed': 'pause',
};
/** Roles that start together are one restart. */
const TOGETHER_MS = 60_000;

/** The marks that follow from these events, the oldest first; both in the order of time. */
export function marksOf(events: readonly KeptEvent[]): readonly Mark[] {
  const open = new Map<Mark['what'], Mark>();
  const marks: Mark[] = [];
  for (const { at, event, fields } of events.toSorted((a, b) => a.at - b.at)) {
    const begun = BEGINS[event];
    if (begun !== undefined && !open.has(begun[0])) {
      const [what, said] = begun;
      const reason = typeof fields['reason'] === 'string' ? `: ${fields['reason']}` : '';
      open.set(what, { at, until: undefined, what, said: `${said}${reason}` });
    }
    const ended = ENDS[event];
    const mark = ended === undefined ? undefined : open.get(ended);
    if (ended !== undefined && mark !== undefined) {
      open.delete(ended);
      marks.push({ ...mark, until: at });
    }
    if (event === 'role started') {
      const last = marks.findLast(({ what }) => what === 'restart');
      if (last === undefined || at - last.at > TOGETHER_MS)
        marks.push({ at, until: at, what: 'restart', said: 'Restart' });
    }
  }
  return [...marks, ...open.values()].toSorted((a, b) => a.at - b.at);
}
