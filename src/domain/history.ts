// What was, for people: figures by minute, and what was reported and who did what. Losing it loses no recording and no proof.

/** The figures of one minute; undefined: no figures were taken. */
export interface Minute {
  /** ms since 1970, a whole minute. */
  readonly at: number;
  readonly uploaded: number;
  readonly failed: number;
  readonly bytes: number;
  /** As they were when the minute was looked at; undefined in one that was filled in later. */
  readonly backlog: number | undefined;
  readonly oldestSeconds: number | undefined;
  readonly freeBytes: number | undefined;
}

/** Minutes together. */
export interface Bin {
  readonly from: number;
  readonly uploaded: number | undefined;
  readonly failed: number | undefined;
  readonly bytes: number | undefined;
  readonly backlog: number | undefined;
  readonly oldestSeconds: number | undefined;
}

/** An event as it is kept. */
export interface KeptEvent {
  /** Its place in the order in which they came. */
  readonly seq: number;
  readonly id: string;
  readonly at: number;
  readonly level: string;
  readonly event: string;
  readonly role: string;
  /** Who did it, where a person or a client did. */
  readonly by: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** An event that is to be kept. */
export interface NewEvent extends Omit<KeptEvent, 'seq'> {
  /** The recording or the tar that it tells of. */
  readonly about: string | undefined;
}

export interface EventQuery {
  readonly limit: number;
  /** Only those before it in the order in which they came. */
  readonly before?: number | undefined;
  readonly levels?: readonly string[] | undefined;
  /** A part of its name or of what it says. */
  readonly text?: string | undefined;
  /** ms since 1970. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly byPeople?: boolean | undefined;
  readonly names?: readonly string[] | undefined;
}

export interface History {
  /** All of them or none. What was seen of a minute earlier stays where nothing is known of it now. */
  noteMinutes(minutes: readonly Minute[]): Promise<void>;
  /** The newest minute that is known, ms since 1970. */
  lastMinute(): Promise<number | undefined>;
  /** Minutes from then on and before then, `binMs` of them in each; what was not measured is undefined, not 0. */
  bins(from: number, to: number, binMs: number): Promise<readonly Bin[]>;
  /** The minutes with figures of this host's disk from then on, for what follows from them. */
  freeBytesSince(from: number): Promise<readonly { readonly at: number; readonly freeBytes: number }[]>;
  /** Of this host's log. Safe to repeat. Returns those that were new, in their order. */
  noteEvents(events: readonly NewEvent[]): Promise<readonly KeptEvent[]>;
  /** The last of this host's that is kept. */
  lastEventId(): Promise<string | undefined>;
  /** The newest first. */
  events(query: EventQuery): Promise<readonly KeptEvent[]>;
  /** What was reported of a recording or a tar, the oldest first, at most 200. */
  eventsAbout(path: string): Promise<readonly KeptEvent[]>;
  /** Forgets minutes before then (ms since 1970) and, of the events, the oldest beyond the limit. */
  prune(before: number): Promise<void>;
  close(): void;
}

/** So much of the events' text is kept, of a site. */
export const MOST_EVENT_BYTES = 64 * 1024 * 1024;
/** What an event takes beside its text. */
export const EVENT_BYTES = 120;
/** So many events are told of one recording or tar. */
export const MOST_ABOUT = 200;

/** A kept event as both databases hold it. */
export type EventRecord = Omit<KeptEvent, 'by' | 'fields'> & {
  readonly by: string | null;
  readonly fields: string;
};

/** The columns of an {@link EventRecord}. */
export const EVENT_COLUMNS = 'seq, id, at, level, event, role, by, fields';

/** What a database holds of an event, read. */
export function keptEvent({ by, fields, ...record }: EventRecord): KeptEvent {
  return { ...record, by: by ?? undefined, fields: JSON.parse(fields) as KeptEvent['fields'] };
}

/** The bins of that time, from those that have something in them, by their number. */
export function everyBin(
  from: number,
  to: number,
  binMs: number,
  found: ReadonlyMap<number, { readonly [K in Exclude<keyof Bin, 'from'>]: number | null }>,
): readonly Bin[] {
  return Array.from({ length: Math.ceil((to - from) / binMs) }, (_, slot) => {
    const bin = found.get(slot);
    return {
      from: from + slot * binMs,
      uploaded: bin?.uploaded ?? undefined,
      failed: bin?.failed ?? undefined,
      bytes: bin?.bytes ?? undefined,
      backlog: bin?.backlog ?? undefined,
      oldestSeconds: bin?.oldestSeconds ?? undefined,
    };
  });
}
