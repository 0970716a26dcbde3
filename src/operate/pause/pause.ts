import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Queues } from '../../platform/queue/index.ts';
import type { Report } from '../../domain/events.ts';
import type { UsedParts, Settings } from '../../platform/config/index.ts';
import { errnoOf } from '../../domain/faults.ts';
import { isoTime, parseTime, writeDurably, type Clock } from '../../platform/runtime/index.ts';

/** What an operator can pause. */
export const PAUSABLE = ['extract', 'upload', 'maintenance'] as const;
export type Pausable = (typeof PAUSABLE)[number];

/** What is meant by `all`: the recordings' way, and on a host without recordings its jobs. */
export function pausedByAll({ recordings }: UsedParts): readonly Pausable[] {
  return recordings ? ['extract', 'upload'] : ['maintenance'];
}

export interface Pause {
  readonly reason: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  /** ISO 8601, UTC; null: until someone resumes. */
  readonly until: string | null;
}

export type Pauses = Partial<Record<Pausable, Pause>>;

/** What pausing works with; without queues only the file says it. */
export interface PauseDeps {
  readonly settings: Settings;
  readonly queues: Queues | undefined;
  readonly clock: Clock;
  readonly report: Report;
}

/** The pauses that operators asked for, expired ones included. They lie in a file, for Redis may forget (P2). */
export async function readPauses(settings: Settings): Promise<Pauses> {
  try {
    return JSON.parse(await readFile(pauseFile(settings), 'utf8')) as Pauses;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return {};
    throw error;
  }
}

/** Pauses queues, visibly, across restarts and a lost Redis. `forMs` undefined: until resumed. */
export async function pauseQueues(
  deps: PauseDeps,
  queues: readonly Pausable[],
  reason: string,
  forMs: number | undefined,
): Promise<void> {
  const now = deps.clock.now();
  const until = forMs === undefined ? null : isoTime(now + forMs);
  const pauses = { ...(await readPauses(deps.settings)) };
  for (const queue of queues) pauses[queue] = { reason, since: isoTime(now), until };
  await writePauses(deps.settings, pauses);
  for (const queue of queues) await deps.queues?.[queue].pause();
  deps.report('queues paused', { queues, reason, until });
}

/** Lets queues go on, whoever paused them. */
export async function resumeQueues(deps: PauseDeps, queues: readonly Pausable[], by: string): Promise<void> {
  const pauses = { ...(await readPauses(deps.settings)) };
  for (const queue of queues) delete pauses[queue];
  await writePauses(deps.settings, pauses);
  for (const queue of queues) await deps.queues?.[queue].resume();
  deps.report('queues resumed', { queues, by });
}

/** Ends pauses whose time is over and renews those that Redis has forgotten. A pause from Bull Board is left alone. */
export async function reapplyPauses(deps: PauseDeps): Promise<void> {
  const pauses = await readPauses(deps.settings);
  for (const queue of PAUSABLE) {
    const pause = pauses[queue];
    if (pause === undefined) continue;
    if (isOver(pause, deps.clock.now())) await resumeQueues(deps, [queue], 'the end of its time');
    else if ((await deps.queues?.[queue].isPaused()) === false) await deps.queues?.[queue].pause();
  }
}

/** True when the pause was to end before `now` (ms since 1970). */
export function isOver(pause: Pause, now: number): boolean {
  return pause.until !== null && parseTime(pause.until) <= now;
}

function pauseFile(settings: Settings): string {
  return join(settings.paths.data, 'pauses.json');
}

async function writePauses(settings: Settings, pauses: Pauses): Promise<void> {
  await writeDurably(pauseFile(settings), `${JSON.stringify(pauses, null, 2)}\n`, 0o640);
}
