import type { Problem } from '../health/index.ts';

/** A problem that was seen, from its first look until it has been told to be over. Times are ms since 1970. */
export interface OpenProblem {
  readonly problem: Problem;
  readonly seenAt: number;
  /** When it was told last; undefined: it has not lasted long enough yet. */
  readonly toldAt: number | undefined;
  /** Since when it is away; undefined while it is there. */
  readonly goneAt: number | undefined;
}

/** How one problem stands in a message. */
export interface News {
  readonly status: 'new' | 'still there' | 'over';
  readonly problem: Problem;
  readonly seenAt: number;
}

export interface Decision {
  readonly open: readonly OpenProblem[];
  /** What is to be told now, in one message; empty for nothing. */
  readonly news: readonly News[];
}

/** How long a problem lasts before it is told, and is away before it counts as over; how often it is told again. */
export interface Patience {
  readonly afterMs: number;
  readonly everyMs: number;
}

/**
 * What there is to tell of the problems of one look at `now`, given those that were open before it: what began or ended together
 * stands together, and what lasts is repeated together. One that comes and goes within `afterMs` is not told of. Pure.
 */
export function decide(
  before: readonly OpenProblem[],
  attention: readonly Problem[],
  now: number,
  { afterMs, everyMs }: Patience,
): Decision {
  const there = new Map(attention.map((problem) => [problem.id, problem]));
  const known = new Set(before.map(({ problem }) => problem.id));
  const seen = [
    ...before.map((one) => looked(one, there.get(one.problem.id), now)),
    ...[...there.values()].filter(({ id }) => !known.has(id)).map((problem) => begun(problem, now)),
  ];
  const isOver = ({ goneAt, toldAt }: OpenProblem): boolean =>
    goneAt !== undefined && (toldAt === undefined || now - goneAt >= afterMs);
  const isNew = (one: OpenProblem): boolean =>
    one.toldAt === undefined && one.goneAt === undefined && now - one.seenAt >= afterMs;
  const lasting = seen.filter(({ toldAt, goneAt }) => toldAt !== undefined && goneAt === undefined);
  const isRepeated = lasting.some(({ toldAt = now }) => now - toldAt >= everyMs);
  const told = new Set([...seen.filter(isNew), ...(isRepeated ? lasting : [])]);
  return {
    open: seen.filter((one) => !isOver(one)).map((one) => (told.has(one) ? { ...one, toldAt: now } : one)),
    news: seen.flatMap((one): News[] => {
      const { problem, seenAt, toldAt } = one;
      if (isOver(one)) return toldAt === undefined ? [] : [{ status: 'over', problem, seenAt }];
      if (!told.has(one)) return [];
      return [{ status: toldAt === undefined ? 'new' : 'still there', problem, seenAt }];
    }),
  };
}

function begun(problem: Problem, now: number): OpenProblem {
  return { problem, seenAt: now, toldAt: undefined, goneAt: undefined };
}

/** As it is now. A clock that was set back keeps nothing waiting. */
function looked(
  { problem, seenAt, toldAt, goneAt }: OpenProblem,
  there: Problem | undefined,
  now: number,
): OpenProblem {
  return {
    problem: there ?? problem,
    seenAt: Math.min(seenAt, now),
    toldAt: toldAt === undefined ? undefined : Math.min(toldAt, now),
    goneAt: there === undefined ? Math.min(goneAt ?? now, now) : undefined,
  };
}
