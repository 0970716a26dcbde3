import type { QueueKind } from '../queue/index.ts';
import { PATIENCE } from '../watchdog/index.ts';
import type { Status } from './status.ts';

/** `stalled`: work waits and none of it gets done, so a restart may help. `degraded`: it does not, or heals itself. */
export interface Health {
  readonly state: 'ok' | 'stalled' | 'degraded';
  readonly reasons: readonly string[];
}

const ROLE_OF = { extract: 'extract', upload: 'upload', maintenance: 'maintain' } as const satisfies Record<
  QueueKind,
  string
>;
const KINDS = ['extract', 'upload', 'maintenance'] as const;

/** Whether work gets done at the site; `now` is in ms since 1970. */
export function judgeHealth(status: Status, now: number): Health {
  const stalled = KINDS.flatMap((kind) => stallOf(status, kind, now) ?? []);
  const degraded = [
    ...(status.store.available ? [] : [`the store is away: ${status.store.message ?? 'no reason given'}`]),
    ...KINDS.flatMap((kind) => pauseOf(status, kind) ?? []),
    ...Object.entries(status.disk)
      .filter(([, room]) => room === null)
      .map(([name]) => `the directory of ${name} does not exist`),
    ...status.schedules
      .filter(({ last }) => last?.outcome === 'failed')
      .map(({ job, last }) => `${job} failed: ${last?.reason ?? 'no reason given'}`),
    ...Object.entries(status.pointInTime)
      .filter(([, { gaps, damaged }]) => gaps + damaged.length > 0)
      .map(
        ([database]) =>
          `points in time of ${database} are missing or damaged: run "wavspool snapshots verify"`,
      ),
  ];
  if (stalled.length > 0) return { state: 'stalled', reasons: [...stalled, ...degraded] };
  return { state: degraded.length > 0 ? 'degraded' : 'ok', reasons: degraded };
}

/** Whether one role lives and gets its work done; `now` is in ms since 1970. A role that was never started is stalled. */
export function healthOfRole(status: Status, role: string, now: number): Health {
  if (!status.roles.some((beat) => beat.role === role))
    return { state: 'stalled', reasons: [`${role} has not been heard of for 30 s`] };
  const kind = KINDS.find((kind) => ROLE_OF[kind] === role);
  if (kind === undefined) return { state: 'ok', reasons: [] };
  const stall = stallOf(status, kind, now);
  if (stall !== undefined) return { state: 'stalled', reasons: [stall] };
  const pause = pauseOf(status, kind);
  return pause === undefined ? { state: 'ok', reasons: [] } : { state: 'degraded', reasons: [pause] };
}

/** Why a queue does not move although it should. */
function stallOf(status: Status, kind: QueueKind, now: number): string | undefined {
  const { waiting, active, paused, oldestWaitingMs = 0, oldestActiveMs = 0 } = status.queues[kind];
  if (paused || waiting + active === 0) return undefined;
  if (kind === 'upload' && !status.store.available) return undefined; // P7: then it waits on purpose
  const role = ROLE_OF[kind];
  const beats = status.roles.filter((beat) => beat.role === role);
  if (beats.length === 0)
    return `${waiting + active} ${kind} jobs, and ${role} has not been heard of for 30 s`;
  const quietMs = Math.min(
    ...beats.map(({ at, startedAt, jobs }) =>
      jobs?.lastFinishedMsAgo == null ? now - startedAt : jobs.lastFinishedMsAgo + now - at,
    ),
  );
  // after a quiet night the first job has waited or run for a moment, not as long as the night was
  if (active > 0) {
    const busyMs = Math.min(quietMs, oldestActiveMs);
    if (busyMs <= PATIENCE[kind].busyMs) return undefined;
    return `${active} ${kind} jobs run, and none finished for ${seconds(busyMs)} s`;
  }
  const stuckMs = Math.min(quietMs, oldestWaitingMs);
  return stuckMs > PATIENCE[kind].idleMs
    ? `${waiting} ${kind} jobs wait, and none ran for ${seconds(stuckMs)} s`
    : undefined;
}

function pauseOf(status: Status, kind: QueueKind): string | undefined {
  const { paused, reason } = status.queues[kind];
  return paused ? `${kind} is paused: ${reason ?? 'no reason given'}` : undefined;
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
