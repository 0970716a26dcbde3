import type { Settings } from '../config/index.ts';
import type { Clock } from '../runtime/index.ts';
import type { TarVersion } from '../state/index.ts';
import { isSameVersion, versionOf } from './look.ts';
import { byArrivalOrder } from '../queue/index.ts';
import type { Proof } from './proof.ts';

/** Due tars are put in order this many at a time, so that a new tar does not wait behind a backfill. */
const ROUND = 256;
const LONGEST_SLEEP_MS = 60_000; // a timer takes no Infinity

type Hint = 'event' | 'rescan';

/** One version of one tar. Another version is another candidate, so what is learned late of an old one is dropped. */
export interface Candidate {
  readonly version: TarVersion;
  readonly by: Hint;
  /** When this version was first seen, by the monotonic clock. */
  readonly seenAtMs: number;
  dueAtMs: number;
  proof: Proof | undefined;
  /** Being examined, or waiting to be queued: not due. */
  held: boolean;
  /** Its incompleteness or unreadability was reported. */
  reported: boolean;
}

/** The open candidates, one per path, and when to look at each again. In memory: the rescan writes it anew. */
export interface Book {
  /** Takes up that version, or has it looked at again; another version of a path starts anew. */
  readonly observe: (version: TarVersion, by: Hint) => void;
  readonly isOpen: (candidate: Candidate) => boolean;
  readonly has: (path: string) => boolean;
  readonly size: () => number;
  /** Removes it, unless another version has taken its place. */
  remove(candidate: Candidate): void;
  /** Holds and returns the next due candidate, newest or oldest first; or says when (monotonic ms) one will be due. */
  next(): Candidate | number;
  letGo(candidate: Candidate, forMs: number): void;
  /** Sleeps until then, until something is due earlier, or until `signal` aborts. */
  sleepUntil(untilMs: number, signal: AbortSignal): Promise<void>;
  readonly wakeAll: () => void;
}

export function createBook(clock: Clock, settings: Settings['arrival']): Book {
  const quietMs = settings.quietSeconds * 1000;
  const inOrder = byArrivalOrder(settings.order);
  const candidates = new Map<string, Candidate>();
  const sleepers = new Set<{ readonly untilMs: number; readonly wake: AbortController }>();
  let round: Candidate[] = [];

  const wakeFor = (dueAtMs: number): void => {
    for (const { untilMs, wake } of sleepers) if (dueAtMs < untilMs) wake.abort();
  };

  const isOpen = (candidate: Candidate): boolean => candidates.get(candidate.version.path) === candidate;

  /** Fills the round with what is due; returns when the next one will be. */
  const fillRound = (): number => {
    const now = clock.monotonicMs();
    let nextAtMs = Infinity;
    for (const candidate of candidates.values()) {
      if (candidate.held) continue;
      if (candidate.dueAtMs <= now) round.push(candidate);
      else nextAtMs = Math.min(nextAtMs, candidate.dueAtMs);
    }
    round = round.toSorted((a, b) => inOrder(a.version, b.version)).slice(0, ROUND);
    return nextAtMs;
  };

  const takeFromRound = (): Candidate | undefined => {
    for (let first = round.shift(); first !== undefined; first = round.shift()) {
      if (!isOpen(first) || first.held) continue;
      first.held = true;
      return first;
    }
    return undefined;
  };

  return {
    observe: (version, by) => {
      const now = clock.monotonicMs();
      const before = candidates.get(version.path);
      if (before !== undefined && isSameVersion(before.version, version)) {
        before.dueAtMs = Math.min(before.dueAtMs, Math.max(now, before.seenAtMs + quietMs));
        wakeFor(before.dueAtMs);
        return;
      }
      const dueAtMs = now + quietMs;
      const candidate = { version: versionOf(version), by, seenAtMs: now, dueAtMs };
      candidates.set(version.path, { ...candidate, proof: undefined, held: false, reported: false });
      wakeFor(dueAtMs);
    },
    isOpen,
    has: (path) => candidates.has(path),
    size: () => candidates.size,
    remove: (candidate) => {
      if (isOpen(candidate)) candidates.delete(candidate.version.path);
    },
    next: () => {
      const left = takeFromRound();
      if (left !== undefined) return left;
      const nextAtMs = fillRound();
      return takeFromRound() ?? nextAtMs;
    },
    letGo: (candidate, forMs) => {
      candidate.dueAtMs = clock.monotonicMs() + forMs;
      candidate.held = false;
      wakeFor(candidate.dueAtMs);
    },
    sleepUntil: async (untilMs, signal) => {
      const sleeper = { untilMs, wake: new AbortController() };
      sleepers.add(sleeper);
      const forMs = Math.min(Math.max(Math.ceil(untilMs - clock.monotonicMs()), 1), LONGEST_SLEEP_MS);
      await clock.sleep(forMs, AbortSignal.any([sleeper.wake.signal, signal]));
      sleepers.delete(sleeper);
    },
    wakeAll: () => wakeFor(-Infinity),
  };
}
