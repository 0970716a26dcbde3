import { isoTime } from '../../platform/runtime/index.ts';
import type { LandingFigures } from '../../ingest/arrival/index.ts';
import type { Facts } from './facts.ts';
import type { HeldWork } from './types.ts';

/** What waits, and for what; `now` is in ms since 1970. */
export function heldWork(facts: Facts, now: number): readonly HeldWork[] {
  return [...inLanding(facts, now), ...inExtraction(facts), ...inUpload(facts)];
}

function inLanding({ landing = {}, roles }: Facts, now: number): HeldWork[] {
  const byReason = Object.entries<LandingFigures>(landing)
    .filter(([, { count }]) => count > 0)
    .map(([reason, { count, oldestSeconds }]) => ({
      what: 'landing',
      cause: reason,
      reason: reason === 'waiting' ? 'for the quiet period, for its turn, or for its final name' : reason,
      since: isoTime(now - oldestSeconds * 1000),
      count,
    }));
  return [...heldBy(roles, 'landing', null), ...byReason]; // how much lies in one that is away is not known
}

function inExtraction({ queues, roles }: Facts): HeldWork[] {
  const { paused = false, reason, since = null, waiting, delayed } = queues.extract ?? {};
  const count = waiting === undefined || delayed === undefined ? null : waiting + delayed;
  return [
    ...(paused ? [{ what: 'extraction', cause: 'paused', reason: pausedFor(reason), since, count }] : []),
    ...heldBy(roles, 'extraction', count),
  ];
}

function inUpload({ queues, recordings, roles, store }: Facts): HeldWork[] {
  const { paused = false, reason, since = null } = queues.upload ?? {};
  const count = recordings?.PENDING ?? null;
  const retrying = recordings === null ? 0 : recordings.FAILED - recordings.givenUp;
  const away = store === null || store.available ? [] : heldByStore(store, count);
  return [
    ...(paused ? [{ what: 'upload', cause: 'paused', reason: pausedFor(reason), since, count }] : []),
    ...away,
    ...(store === null || store.available ? heldBy(roles, 'upload', count) : []),
    ...toRetry(retrying),
  ];
}

function toRetry(count: number): HeldWork[] {
  return count === 0
    ? []
    : [{ what: 'upload', cause: 'retry', reason: 'failed, retries automatically', since: null, count }];
}

function heldByStore(
  { message, cause, since }: NonNullable<Facts['store']>,
  count: number | null,
): HeldWork[] {
  const reason = `storage is unavailable: ${message ?? cause ?? 'no reason given'}`;
  return [{ what: 'upload', cause: 'storage', reason, since: since ?? null, count }];
}

/** The longest of those that several processes tell of. */
function heldBy(roles: Facts['roles'], what: string, count: number | null): HeldWork[] {
  const held = roles.flatMap((role) => (role.held?.what === what ? [role.held] : []));
  const first = held.toSorted((a, b) => a.since - b.since)[0];
  if (first === undefined) return [];
  return [{ what, cause: first.cause, reason: first.message, since: isoTime(first.since), count }];
}

function pausedFor(reason: string | undefined): string {
  return `paused: ${reason ?? 'no reason given'}`;
}
