import type { Report } from '../../domain/events.ts';
import { WavspoolError } from '../../domain/faults.ts';
import type { UsedParts } from '../../platform/config/index.ts';
import type { Queues } from '../../platform/queue/index.ts';
import { PAUSABLE, pauseRecord, type Pausable, type PauseRecordDeps, type Pauses } from './pause-record.ts';

/** What is meant by `all`: the recordings' way, and on a host without recordings its jobs. */
export function pausedByAll({ recordings }: UsedParts): readonly Pausable[] {
  return recordings ? ['extract', 'upload'] : ['maintenance'];
}

/** What can be paused here. */
function pausableWith({ recordings }: UsedParts): readonly Pausable[] {
  return recordings ? PAUSABLE : ['maintenance'];
}

/** What `which` stands for. Throws USAGE for a queue that has nothing to do on a host with these parts, unless `paused` of an earlier time. */
export function meantBy(which: Pausable | 'all', parts: UsedParts, paused: Pauses = {}): readonly Pausable[] {
  if (which === 'all') return pausedByAll(parts);
  const there = pausableWith(parts);
  if (there.includes(which) || paused[which] !== undefined) return [which];
  throw new WavspoolError('USAGE', `nothing here goes through ${which}: there is ${there.join(', ')}`);
}

/** What pausing works with; without queues only the record says it. */
export interface PauseDeps extends PauseRecordDeps {
  readonly queues: Queues | undefined;
  readonly report: Report;
}

/** The pauses that operators asked for, also those whose time is over. */
export async function readPauses(deps: PauseRecordDeps): Promise<Pauses> {
  return (await pauseRecord(deps).read()).pauses;
}

/** Whether an operator wants nothing of it to begin. */
export async function isPaused(deps: PauseRecordDeps, what: Pausable): Promise<boolean> {
  const { pauses, over } = await pauseRecord(deps).read();
  return pauses[what] !== undefined && !over.includes(what);
}

/** Pauses queues, visibly, across restarts, a lost Redis and all hosts of the site. `forMs` undefined: until resumed. */
export async function pauseQueues(
  deps: PauseDeps,
  queues: readonly Pausable[],
  reason: string,
  forMs: number | undefined,
): Promise<void> {
  const record = pauseRecord(deps);
  await record.set(queues, reason, forMs);
  for (const queue of queues) await deps.queues?.[queue].pause();
  const { pauses } = await record.read();
  const until = queues.map((queue) => pauses[queue]?.until ?? null)[0] ?? null;
  deps.report('queues paused', { queues, reason, until });
}

/** Lets queues go on, also those that another host paused. */
export async function resumeQueues(deps: PauseDeps, queues: readonly Pausable[], by: string): Promise<void> {
  await pauseRecord(deps).remove(queues);
  for (const queue of queues) await deps.queues?.[queue].resume();
  deps.report('queues resumed', { queues, by });
}

/** Ends pauses whose time is over and renews those that Redis has forgotten. A pause from Bull Board is left alone. */
export async function reapplyPauses(deps: PauseDeps): Promise<void> {
  const record = pauseRecord(deps);
  const { pauses, over } = await record.renew();
  for (const queue of PAUSABLE) {
    if (pauses[queue] === undefined) continue;
    if (over.includes(queue)) await end(deps, queue);
    else if ((await deps.queues?.[queue].isPaused()) === false) {
      await deps.queues?.[queue].pause();
      // an operator may have resumed it in between, and would find it paused for ever
      if ((await record.read()).pauses[queue] === undefined) await deps.queues?.[queue].resume();
    }
  }
}

/** Every role of every host sees that its time is over; one of them tells. */
async function end(deps: PauseDeps, queue: Pausable): Promise<void> {
  const ended = await pauseRecord(deps).remove([queue]);
  await deps.queues?.[queue].resume();
  if (ended.length > 0) deps.report('queues resumed', { queues: [queue], by: 'the end of its time' });
}
