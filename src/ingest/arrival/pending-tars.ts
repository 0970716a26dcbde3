import type { Settings } from '../../platform/config/index.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import type { TarVersion } from '../../domain/tar.ts';
import { isSameVersion, versionOf, type TarOnDisk } from './look.ts';
import type { Proof } from './proof.ts';
import type { Streams, FairOrder, Waiting } from './fair-order.ts';
import type { LandingReason } from './untaken.ts';

/** Due tars are put in order this many at a time, so that a new tar does not wait behind a backfill. */
const ROUND = 256;
const LONGEST_SLEEP_MS = 60_000; // a timer takes no Infinity

type Hint = 'event' | 'rescan';

/** Why a tar is not taken yet. */
export interface Wait {
  readonly reason: LandingReason;
  readonly detail: string;
}

/** One version of one tar. Another version is another candidate, so what is learned late of an old one is dropped. */
export interface Candidate extends Waiting {
  readonly version: TarVersion;
  readonly by: Hint;
  readonly streams: Streams;
  /** When this version was first seen, by the monotonic clock. */
  readonly seenAtMs: number;
  /** When the file last changed, ms since 1970. */
  readonly changedMs: number;
  dueAtMs: number;
  proof: Proof | undefined;
  /** Being examined, or waiting to be queued: not due. */
  held: boolean;
  /** Its incompleteness or unreadability was reported. */
  reported: boolean;
  /** Its proof takes long: it is for the consumers that take their time. */
  slow: boolean;
  wait: Wait;
}

/** The open candidates, one per path, and when to look at each again. In memory: the rescan writes it anew. */
export interface PendingTars {
  /** Takes up that version, or has it looked at again; another version of a path starts anew. */
  readonly observe: (tar: TarOnDisk, by: Hint) => void;
  readonly isOpen: (candidate: Candidate) => boolean;
  readonly has: (path: string) => boolean;
  readonly size: () => number;
  readonly candidates: () => Iterable<Candidate>;
  /** Removes it, unless another version has taken its place. */
  remove(candidate: Candidate): void;
  /** Holds and returns the next due candidate, of the slow ones or of the others; or says when (monotonic ms) one will be due. */
  readonly next: (slow: boolean) => Candidate | number;
  lookAgainIn(candidate: Candidate, forMs: number): void;
  /** Notes that its proof takes long. */
  slowDown(candidate: Candidate): void;
  /** Sleeps until then, until something is due earlier, or until `signal` aborts. */
  readonly sleepUntil: (untilMs: number, signal: AbortSignal) => Promise<void>;
}

const NEW: Wait = { reason: 'waiting', detail: 'still changing' };

export function createPendingTars(
  clock: Clock,
  settings: Settings['arrival'],
  turns: FairOrder,
): PendingTars {
  const quietMs = settings.quietSeconds * 1000;
  const candidates = new Map<string, Candidate>();
  const { wakeFor, sleepUntil } = createSleepers(clock);

  const isOpen = (candidate: Candidate): boolean => candidates.get(candidate.version.path) === candidate;

  const leave = (candidate: Candidate | undefined): void => {
    if (candidate === undefined) return;
    candidates.delete(candidate.path);
    if (candidate.slow) candidate.streams.top.slow -= 1;
    turns.leave(candidate.streams);
  };

  const next = createRounds(candidates, turns, clock);

  return {
    observe: (tar, by) => {
      const now = clock.monotonicMs();
      const before = candidates.get(tar.path);
      if (before !== undefined && isSameVersion(before.version, tar)) {
        before.dueAtMs = Math.min(before.dueAtMs, Math.max(now, before.seenAtMs + quietMs));
        wakeFor(before.dueAtMs);
        return;
      }
      leave(before);
      const candidate = newCandidate(tar, by, {
        streams: turns.enter(tar.path),
        now,
        wallMs: clock.now(),
        quietMs,
      });
      candidates.set(tar.path, candidate);
      wakeFor(candidate.dueAtMs);
    },
    isOpen,
    has: (path) => candidates.has(path),
    size: () => candidates.size,
    candidates: () => candidates.values(),
    remove: (candidate) => {
      if (isOpen(candidate)) leave(candidate);
    },
    next,
    lookAgainIn: (candidate, forMs) => {
      candidate.dueAtMs = clock.monotonicMs() + forMs;
      candidate.held = false;
      wakeFor(candidate.dueAtMs);
    },
    slowDown: (candidate) => {
      if (candidate.slow || !isOpen(candidate)) return;
      candidate.slow = true;
      candidate.streams.top.slow += 1;
    },
    sleepUntil,
  };
}

function newCandidate(
  tar: TarOnDisk,
  by: Hint,
  at: { readonly streams: Streams; readonly now: number; readonly wallMs: number; readonly quietMs: number },
): Candidate {
  return {
    path: tar.path,
    version: versionOf(tar),
    by,
    streams: at.streams,
    // a date in the future gives no right to be first
    orderMs: Math.min(tar.mtimeMs, at.wallMs),
    seenAtMs: at.now,
    changedMs: tar.ctimeMs,
    dueAtMs: at.now + at.quietMs,
    proof: undefined,
    held: false,
    reported: false,
    slow: false,
    wait: NEW,
  };
}

/** Puts what is due in order, a round at a time. */
function createRounds(
  candidates: ReadonlyMap<string, Candidate>,
  turns: FairOrder,
  clock: Clock,
): PendingTars['next'] {
  const rounds: Record<'quick' | 'slow', Candidate[]> = { quick: [], slow: [] };

  /** Fills the round with what is due; returns when the next one will be. */
  const fillRound = (slow: boolean): number => {
    const now = clock.monotonicMs();
    let nextAtMs = Infinity;
    const due: Candidate[] = [];
    for (const candidate of candidates.values()) {
      if (candidate.held || candidate.slow !== slow) continue;
      if (candidate.dueAtMs <= now) due.push(candidate);
      else nextAtMs = Math.min(nextAtMs, candidate.dueAtMs);
    }
    // of slow ones each is a round: what comes meanwhile need not wait for 256 of them
    rounds[slow ? 'slow' : 'quick'] = turns.take(due, slow ? 1 : ROUND);
    return nextAtMs;
  };

  const takeFromRound = (slow: boolean): Candidate | undefined => {
    const round = rounds[slow ? 'slow' : 'quick'];
    for (let first = round.shift(); first !== undefined; first = round.shift()) {
      if (candidates.get(first.version.path) !== first || first.held || first.slow !== slow) continue;
      first.held = true;
      return first;
    }
    return undefined;
  };

  return (slow) => {
    const left = takeFromRound(slow);
    if (left !== undefined) return left;
    const nextAtMs = fillRound(slow);
    return takeFromRound(slow) ?? nextAtMs;
  };
}

/** Consumers that sleep until something is due, and are woken where that is earlier. */
function createSleepers(clock: Clock): {
  readonly wakeFor: (dueAtMs: number) => void;
  readonly sleepUntil: PendingTars['sleepUntil'];
} {
  const sleepers = new Set<{ readonly untilMs: number; readonly wake: AbortController }>();
  return {
    wakeFor: (dueAtMs) => {
      for (const { untilMs, wake } of sleepers) if (dueAtMs < untilMs) wake.abort();
    },
    sleepUntil: async (untilMs, signal) => {
      const sleeper = { untilMs, wake: new AbortController() };
      sleepers.add(sleeper);
      const forMs = Math.min(Math.max(Math.ceil(untilMs - clock.monotonicMs()), 1), LONGEST_SLEEP_MS);
      await clock.sleep(forMs, AbortSignal.any([sleeper.wake.signal, signal]));
      sleepers.delete(sleeper);
    },
  };
}
