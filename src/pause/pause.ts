import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostApp } from '../app.ts';
import type { UsedParts } from '../config/index.ts';
import { errnoOf } from '../faults.ts';
import { isoTime, parseTime, writeDurably } from '../runtime/index.ts';

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

type PauseApp = Pick<HostApp, 'settings' | 'queues' | 'clock' | 'report'>;

/** The pauses that operators asked for, expired ones included. They lie in a file, for Redis may forget (P2). */
export async function readPauses(settings: HostApp['settings']): Promise<Pauses> {
  try {
    return JSON.parse(await readFile(pauseFile(settings), 'utf8')) as Pauses;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return {};
    throw error;
  }
}

/** Pauses queues, visibly, across restarts and a lost Redis. `forMs` undefined: until resumed. */
export async function pauseQueues(
  app: PauseApp,
  queues: readonly Pausable[],
  reason: string,
  forMs: number | undefined,
): Promise<void> {
  const now = app.clock.now();
  const until = forMs === undefined ? null : isoTime(now + forMs);
  const pauses = { ...(await readPauses(app.settings)) };
  for (const queue of queues) pauses[queue] = { reason, since: isoTime(now), until };
  await writePauses(app.settings, pauses);
  for (const queue of queues) await app.queues?.[queue].pause();
  app.report('queues paused', { queues, reason, until });
}

/** Lets queues go on, whoever paused them. */
export async function resumeQueues(app: PauseApp, queues: readonly Pausable[], by: string): Promise<void> {
  const pauses = { ...(await readPauses(app.settings)) };
  for (const queue of queues) delete pauses[queue];
  await writePauses(app.settings, pauses);
  for (const queue of queues) await app.queues?.[queue].resume();
  app.report('queues resumed', { queues, by });
}

/** Ends pauses whose time is over and renews those that Redis has forgotten. A pause from Bull Board is left alone. */
export async function reapplyPauses(app: PauseApp): Promise<void> {
  const pauses = await readPauses(app.settings);
  for (const queue of PAUSABLE) {
    const pause = pauses[queue];
    if (pause === undefined) continue;
    if (isOver(pause, app.clock.now())) await resumeQueues(app, [queue], 'the end of its time');
    else if ((await app.queues?.[queue].isPaused()) === false) await app.queues?.[queue].pause();
  }
}

/** True when the pause was to end before `now` (ms since 1970). */
export function isOver(pause: Pause, now: number): boolean {
  return pause.until !== null && parseTime(pause.until) <= now;
}

function pauseFile(settings: HostApp['settings']): string {
  return join(settings.paths.data, 'pauses.json');
}

async function writePauses(settings: HostApp['settings'], pauses: Pauses): Promise<void> {
  await writeDurably(pauseFile(settings), `${JSON.stringify(pauses, null, 2)}\n`, 0o640);
}
