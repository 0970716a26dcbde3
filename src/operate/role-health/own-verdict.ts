import type { OwnStall } from '../../platform/queue/index.ts';
import { FAULTS } from '../../domain/faults.ts';
import type { HeldWork, Problem, Verdict } from '../health/index.ts';
import type { Heartbeat } from '../../platform/queue/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';

/** What a role knows of itself without asking another process. All times in ms since 1970. */
export interface OwnFacts {
  readonly startedAt: number;
  /** Whether it has begun its work; a start may wait for Redis or sweep a large disk. */
  readonly running: boolean;
  readonly stall?: OwnStall | undefined;
  /** What it does not do now although there is work, and why. */
  readonly held?: Heartbeat['held'] | undefined;
  /** Why this process could not read or write `state.db` when it last tried. */
  readonly stateTrouble?: Heartbeat['stateTrouble'] | undefined;
  /** Since when Redis has not answered this process; absent while it does, and where it needs none. */
  readonly redisAwaySince?: number | undefined;
  /** Jobs that run and that ended here, for a role that has jobs. */
  readonly jobs?: Heartbeat['jobs'] | undefined;
}

/** What a role answers on its socket: who it is, its verdict over itself, and how its jobs go. */
export interface RoleHealth extends Verdict {
  readonly role: string;
  readonly host: string;
  readonly pid: number;
  /** The process ids that `pid` is one of: containers that share a directory count from 1 each. */
  readonly pidNamespace: string;
  readonly startedAt: string;
  readonly at: string;
  readonly jobs?: OwnFacts['jobs'];
}

/** A start that lasts longer waits for something. */
const SLOW_START_MS = 60_000;

/**
 * What follows from a role's own facts at `now` (ms since 1970). Only a stall is not alive: a restart may help then. What
 * needs attention, Redis or `state.db` away among it, is not mended by one (P11).
 */
export function ownVerdict(role: string, facts: OwnFacts, now: number): Verdict {
  const { stateTrouble, redisAwaySince } = facts;
  const stall = redisAwaySince === undefined ? facts.stall : undefined; // then it waits for Redis, as all of them do
  return {
    alive: stall === undefined,
    attention: [
      ...(stall === undefined ? [] : [stalled(role, stall)]),
      ...slowStart(role, facts, now),
      ...(stateTrouble === undefined ? [] : [stateUnusable(stateTrouble)]),
      ...(redisAwaySince === undefined ? [] : [redisAway(redisAwaySince)]),
    ],
    held: heldWork(facts),
  };
}

function stalled(role: string, { what, since }: OwnStall): Problem {
  return {
    id: `stalled:${role}`,
    since: isoTime(since),
    what: `${what}.`,
    effect: `What the ${role} role is there for does not get done.`,
    remedy: 'Restart this role; its log says what it waits for.',
    command: null,
  };
}

function slowStart(role: string, { running, startedAt }: OwnFacts, now: number): Problem[] {
  if (running || now - startedAt < SLOW_START_MS) return [];
  return [
    {
      id: `starting:${role}`,
      since: isoTime(startedAt),
      what: `The ${role} role has been starting for ${Math.round((now - startedAt) / 1000)} s.`,
      effect: 'It takes no work yet.',
      remedy: 'See in its log what it waits for, and whether Redis and the disks are there.',
      command: 'wavspool doctor',
    },
  ];
}

function stateUnusable({ code, message, since }: NonNullable<OwnFacts['stateTrouble']>): Problem {
  const { remedy } = FAULTS[code];
  return {
    id: code === 'STATE_DAMAGED' ? 'state-damaged' : 'state-unusable',
    since: isoTime(since),
    what: `This process cannot use state.db: ${message}.`,
    effect: 'What needs to be written down waits; nothing is lost and no retry is spent.',
    remedy: `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}.`,
    command: code === 'STATE_DAMAGED' ? 'wavspool restore state' : 'wavspool doctor',
  };
}

function redisAway(since: number): Problem {
  return {
    id: 'redis-away',
    since: isoTime(since),
    what: 'Redis does not answer this role.',
    effect: 'It gets no work; what has landed waits on the disk, and nothing is lost.',
    remedy: 'Bring Redis back; the role then goes on by itself.',
    command: 'wavspool doctor',
  };
}

function heldWork({ held, redisAwaySince }: OwnFacts): readonly HeldWork[] {
  if (held === undefined) {
    return redisAwaySince === undefined
      ? []
      : [
          {
            what: 'jobs',
            cause: 'redis',
            reason: 'Redis does not answer',
            since: isoTime(redisAwaySince),
            count: null,
          },
        ];
  }
  const { what, cause, message, since } = held;
  return [{ what, cause, reason: message, since: isoTime(since), count: null }];
}
