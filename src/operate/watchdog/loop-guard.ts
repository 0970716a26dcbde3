import { Worker } from 'node:worker_threads';
import type { Report } from '../../domain/events.ts';
import type { Clock } from '../../platform/runtime/index.ts';

/** Far beyond every pause that is not itself a fault, and below the lock of a job. */
export const BLOCKED_MS = 45_000;
/** So often a process that its supervisor watches gives a sign of life. */
export const BEAT_MS = 5000;
const THREAD_BEAT_MS = 1000;
const SMALL = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, codeRangeSizeMb: 1, stackSizeMb: 1 };

/**
 * Ends the process by SIGKILL when its event loop has been blocked for `blockedMs`: a thread counts the beats that do not
 * come. A process that the whole machine has put to sleep is not blocked: its thread slept too.
 */
export function guardLoop(clock: Clock, report: Report, signal: AbortSignal, blockedMs: number): void {
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const thread = new Worker(new URL('loop-thread.js', import.meta.url), {
    workerData: { beats, beatMs: THREAD_BEAT_MS, missed: Math.ceil(blockedMs / THREAD_BEAT_MS) },
    resourceLimits: SMALL,
    execArgv: [],
  });
  thread.on('error', (err) => report('loop guard ended', { err }));
  thread.unref();
  const beat = async (): Promise<void> => {
    while (!signal.aborted) {
      Atomics.add(beats, 0, 1);
      await clock.sleep(THREAD_BEAT_MS / 2, signal);
    }
    await thread.terminate();
  };
  void beat();
}

/**
 * For a process whose supervisor counts its beats and ends it when they fail to come: the thread of {@link guardLoop} would cost each role
 * 9 MB. It beats to the very end, for a role may take an hour to finish what runs. Once the supervisor is gone there is nothing to tell.
 */
export async function beatForSupervisor(clock: Clock): Promise<void> {
  while (process.connected) {
    process.send?.('beat', undefined, undefined, () => undefined); // what fails here is told by 'disconnect'
    await clock.sleep(BEAT_MS);
  }
}
