import { FAULTS } from '../../domain/faults.ts';
import type { QueueKind } from '../../platform/queue/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import type { Facts } from './facts.ts';
import { PATIENCE } from '../watchdog/index.ts';
import type { Problem } from './types.ts';

const ROLE_OF = { extract: 'extract', upload: 'upload', maintenance: 'maintain' } as const satisfies Record<
  QueueKind,
  string
>;
const KINDS = ['extract', 'upload', 'maintenance'] as const;
const EFFECT_OF = {
  extract: 'Tars that have landed are not extracted.',
  upload: 'Recordings are not uploaded.',
  maintenance: 'Snapshots, mirrors, rotation and cleanup are not made.',
} as const satisfies Record<QueueKind, string>;

/** The queues that do not move although they should: a restart may help. `now` is in ms since 1970. */
export function stallsOf(facts: Facts, now: number): readonly Problem[] {
  return KINDS.flatMap((kind) => stallOf(facts, kind, now) ?? []);
}

/** Whether one role lives and gets its work done; `now` is in ms since 1970. A role that was never started does not live. */
export function stallOfRole(facts: Facts, role: string, now: number): Problem | undefined {
  const away = redisAway(facts);
  if (away !== undefined) return away;
  if (!facts.roles.some((beat) => beat.role === role)) return missingRole(role);
  const kind = KINDS.find((kind) => ROLE_OF[kind] === role);
  return kind === undefined ? undefined : stallOf(facts, kind, now);
}

/** The problem of a Redis that work goes through and that does not answer: then it is unknown which roles work. */
export function redisAway({ redis }: Facts): Problem | undefined {
  if (redis === null || redis.available) return undefined;
  const said = (redis.message ?? 'no reason given').replace(/\.$/, '');
  const { remedy } = FAULTS[redis.code ?? 'REDIS_UNREACHABLE'];
  return {
    id: 'redis-away',
    since: null,
    what: redis.code === 'REDIS_REFUSES' ? `${said}.` : `Redis is unreachable: ${said}.`,
    effect:
      'Nothing is queued, so tars and recordings wait and no job runs; nothing is lost and no retry is spent.',
    remedy: `${remedy.replace(/^./, (first) => first.toUpperCase())}.`,
    command: 'wavspool doctor',
  };
}

/** The problem of a role that should run and was not heard of. */
export function missingRole(role: string): Problem {
  return {
    id: `role-missing:${role}`,
    since: null,
    what: `The ${role} role has not been heard of for 30 s.`,
    effect: effectOfMissing(role),
    remedy: 'Start it, or look in the log why it ends.',
    command: 'wavspool up',
  };
}

function effectOfMissing(role: string): string {
  if (role === 'watch') return 'New tars are not noticed.';
  const kind = KINDS.find((kind) => ROLE_OF[kind] === role);
  return kind === undefined ? 'The page and the API are not served.' : EFFECT_OF[kind];
}

/** Why a queue does not move although it should. */
function stallOf(facts: Facts, kind: QueueKind, now: number): Problem | undefined {
  const queue = facts.queues[kind];
  if (queue === undefined) return undefined;
  const { waiting, active, paused } = queue;
  if (paused || waiting + active === 0) return undefined;
  if (kind === 'upload' && facts.store?.available === false) return undefined; // P7: then it waits on purpose
  const role = ROLE_OF[kind];
  const beats = facts.roles.filter((beat) => beat.role === role);
  if (beats.length === 0) {
    return stall(
      kind,
      null,
      `${waiting + active} ${kind} jobs wait, and the ${role} role has not been heard of for 30 s.`,
    );
  }
  const quietMs = Math.min(...beats.map((beat) => quietFor(beat, now)));
  return stallOfQuiet(kind, queue, quietMs, now);
}

/** Whether jobs wait or run for longer than usual, when none has finished for so long. */
function stallOfQuiet(
  kind: QueueKind,
  { waiting, active, oldestWaitingMs = 0, oldestActiveMs = 0 }: NonNullable<Facts['queues'][QueueKind]>,
  quietMs: number,
  now: number,
): Problem | undefined {
  // after a quiet night the first job has waited or run for a moment, not as long as the night was
  if (active > 0) {
    const busyMs = Math.min(quietMs, oldestActiveMs);
    if (busyMs <= PATIENCE[kind].busyMs) return undefined;
    return stall(
      kind,
      now - busyMs,
      `${active} ${kind} jobs run, and none has finished for ${seconds(busyMs)} s.`,
    );
  }
  const stuckMs = Math.min(quietMs, oldestWaitingMs);
  return stuckMs > PATIENCE[kind].idleMs
    ? stall(kind, now - stuckMs, `${waiting} ${kind} jobs wait, and none has run for ${seconds(stuckMs)} s.`)
    : undefined;
}

/** How long ago a role finished a job; since it started, when it has finished none. */
function quietFor({ at, startedAt, jobs }: Facts['roles'][number], now: number): number {
  return jobs?.lastFinishedMsAgo == null ? now - startedAt : jobs.lastFinishedMsAgo + now - at;
}

function stall(kind: QueueKind, since: number | null, what: string): Problem {
  return {
    id: `stalled:${kind}`,
    since: since === null ? null : isoTime(since),
    what,
    effect: EFFECT_OF[kind],
    remedy: `Start or restart the ${ROLE_OF[kind]} role; its log says what it waits for.`,
    command: 'wavspool up',
  };
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
