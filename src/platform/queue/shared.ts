import type { Cause, FaultCode } from '../../domain/faults.ts';
import { fieldOf, inOrder, isSilent, type Heartbeat, type Presence } from '../presence/index.ts';
import type { Clock } from '../runtime/index.ts';
import type { RedisConnection } from '../redis/index.ts';
import { siteKey, type SiteKeys } from './names.ts';

/** Why uploading is paused for the whole site (P7). */
export interface StoreOutage {
  readonly code: FaultCode;
  readonly cause: Cause;
  readonly message: string;
  /** ms since 1970. */
  readonly since: number;
  readonly probeAt: number;
  /** How often the store was found away, this time included. */
  readonly probes: number;
  /** Only single recordings told of it, and no question to the store did. */
  readonly bySuspects: boolean;
  /** Another one each time that a process finds the store unreachable. */
  readonly stamp: string;
}

/** What lies in the landing directory, by reason; written by the watch role, read for people. */
type LandingFigures = Readonly<
  Record<string, { count: number; bytes: number; oldestSeconds: number; needsAttention: boolean }>
>;

/** What was told of the landing directory is old by then: its watch role is gone. */
const LANDING_MS = 60_000;
/** So long stays what was written only to see whether it can be. */
const ASKED_MS = 60_000;

/** What the processes of a site tell each other. Hints for people and for each other, never the truth: Redis is disposable (P2). */
export interface Shared extends Presence {
  /** What the watch role told of the landing directory last; undefined when none has for a minute. */
  landing(): Promise<LandingFigures | undefined>;
  /** The same with its age in ms, for who cannot look there. */
  landingSeen(): Promise<{ readonly figures: LandingFigures; readonly ageMs: number } | undefined>;
  setLanding(figures: LandingFigures): Promise<void>;
  outage(): Promise<StoreOutage | undefined>;
  /** The outage, and when the store was first known to answer (ms since 1970); one question. */
  store(): Promise<{ readonly outage: StoreOutage | undefined; readonly reachedAt: number | undefined }>;
  /** Whether Redis takes writes: it may answer every question, and refuse them (a full memory, missing replicas). Throws what it says. */
  requireWrites(): Promise<void>;
  /** The store answered, be it with a refusal. */
  noteReached(at: number): Promise<void>;
  setOutage(outage: StoreOutage): Promise<void>;
  clearOutage(): Promise<void>;
  /** True for one process at a time, for `ms`: it may try whether the store is back. */
  mayProbe(who: string, ms: number): Promise<boolean>;
}

/** Opens the shared figures of a site. */
export function openShared(keys: SiteKeys, redis: RedisConnection, clock: Clock): Shared {
  const roles = siteKey(keys, 'roles');
  const store = siteKey(keys, 'store');
  const probe = siteKey(keys, 'probe');
  const reached = siteKey(keys, 'reached');
  const landing = siteKey(keys, 'landing');
  const asked = siteKey(keys, 'asked');

  return {
    beat: async (heartbeat) => {
      await redis.hset(roles, fieldOf(heartbeat), JSON.stringify(heartbeat));
    },
    leave: async (heartbeat) => {
      await redis.hdel(roles, fieldOf(heartbeat));
    },
    heartbeats: async () => {
      const all = Object.entries(await redis.hgetall(roles)).map(
        ([name, json]) => [name, JSON.parse(json) as Heartbeat] as const,
      );
      const silent = all.filter(([, heartbeat]) => isSilent(heartbeat, clock.now())).map(([name]) => name);
      if (silent.length > 0) await redis.hdel(roles, ...silent);
      return all
        .filter(([name]) => !silent.includes(name))
        .map(([, heartbeat]) => heartbeat)
        .toSorted(inOrder);
    },
    landing: async () => {
      const json = await redis.get(landing);
      return json === null ? undefined : (JSON.parse(json) as LandingFigures);
    },
    landingSeen: async () => {
      const [[, json] = [], [, leftMs] = []] = (await redis.multi().get(landing).pttl(landing).exec()) ?? [];
      if (typeof json !== 'string' || typeof leftMs !== 'number') return undefined;
      return { figures: JSON.parse(json) as LandingFigures, ageMs: Math.max(0, LANDING_MS - leftMs) };
    },
    setLanding: async (figures) => {
      await redis.set(landing, JSON.stringify(figures), 'PX', LANDING_MS);
    },
    outage: async () => outageIn(await redis.get(store)),
    store: async () => {
      const [outage = null, at = null] = await redis.mget(store, reached);
      return { outage: outageIn(outage), reachedAt: at === null ? undefined : Number(at) };
    },
    requireWrites: async () => {
      await redis.set(asked, clock.now(), 'PX', ASKED_MS);
    },
    noteReached: async (at) => {
      await redis.setnx(reached, at);
    },
    setOutage: async (outage) => {
      await redis.set(store, JSON.stringify(outage));
    },
    clearOutage: async () => {
      await redis.del(store, probe);
    },
    mayProbe: async (who, ms) => {
      if ((await redis.set(probe, who, 'PX', ms, 'NX')) === 'OK') return true;
      return (await redis.get(probe)) === who;
    },
  };
}

/** Of a version that noted less of it, the rest is as at the beginning of an outage. */
function outageIn(json: string | null): StoreOutage | undefined {
  if (json === null) return undefined;
  const noted = JSON.parse(json) as Omit<StoreOutage, 'probes' | 'bySuspects' | 'stamp'>;
  return { probes: 1, bySuspects: false, stamp: '', ...noted };
}
