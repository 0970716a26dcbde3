import type { FaultCode } from '../../domain/faults.ts';

/** The ids of the directories that a role works in; null where it could not give the directory one. */
export interface SiteDirectories {
  readonly incoming: string | null;
  readonly extracted: string | null;
}

/** What a living role says of itself every few seconds. */
export interface Heartbeat {
  readonly role: string;
  readonly host: string;
  readonly pid: number;
  /** ms since 1970. */
  readonly startedAt: number;
  readonly at: number;
  readonly rssBytes: number;
  readonly peakRssBytes: number;
  readonly cpuMs: number;
  /** The longest the event loop was held up, in ms: since the start and since the last heartbeat. */
  readonly loopMaxMs: number;
  readonly loopRecentMs: number;
  /** Jobs that ended here, and how long ago the last one did; absent for a role without a queue. */
  readonly jobs?: {
    readonly active: number;
    readonly finished: number;
    readonly lastFinishedMsAgo: number | null;
  };
  /** What this role does not do now although there is work, and why; absent while it does all of it. */
  readonly held?: HeldWork;
  /** Why this process could not read or write `state.db` when it last tried; absent while it can. */
  readonly stateTrouble?: { readonly code: FaultCode; readonly message: string; readonly since: number };
  /** Which directories it works in; absent where no other host can be of the same site. */
  readonly directories?: SiteDirectories;
  /** Where recordings go: endpoint, bucket and prefix, without what is secret; absent where none do. */
  readonly store?: string;
  readonly counters: Readonly<Record<string, number>>;
}

/** Work that waits for something outside of it: room, the backlog, the host. It goes on by itself. */
export interface HeldWork {
  /** `extraction`, `upload`, … */
  readonly what: string;
  /** A cause of the table of faults, or `backlog`. */
  readonly cause: string;
  /** A sentence for people. */
  readonly message: string;
  /** ms since 1970. */
  readonly since: number;
}

/** A role that has not been heard of for this long is gone. */
const SILENT_MS = 30_000;

/** Who is at work: what each role says of itself every few seconds. */
export interface Presence {
  beat(heartbeat: Heartbeat): Promise<void>;
  /** Removes the heartbeat of a role that ends in order. */
  leave(heartbeat: Pick<Heartbeat, 'role' | 'host' | 'pid'>): Promise<void>;
  heartbeats(): Promise<readonly Heartbeat[]>;
}

/** Whether the role is gone; `now` in ms since 1970. A beat of the future was made while the clock was ahead. */
export function isSilent({ at }: Heartbeat, now: number): boolean {
  return Math.abs(now - at) > SILENT_MS;
}

/** The order in which roles are shown. */
export function inOrder(a: Heartbeat, b: Heartbeat): number {
  return a.role.localeCompare(b.role) || a.pid - b.pid;
}

/** What tells the heartbeats of two roles from each other. */
export function fieldOf({ role, host, pid }: Pick<Heartbeat, 'role' | 'host' | 'pid'>): string {
  return `${role}@${host}:${pid}`;
}
