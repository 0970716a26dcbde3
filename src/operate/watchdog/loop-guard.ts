import { Worker } from 'node:worker_threads';
import type { Report } from '../../domain/events.ts';
import type { Clock } from '../../platform/runtime/index.ts';

/** Far beyond every pause that is not itself a fault, and below the lock of a job. */
export const BLOCKED_MS = 45_000;
const BEAT_MS = 1000;
const SMALL = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, codeRangeSizeMb: 1, stackSizeMb: 1 };

/**
 * Ends the process by SIGKILL when its event loop has been blocked for `blockedMs`: a thread counts the beats that do not
 * come. A process that the whole machine has put to sleep is not blocked: its thread slept too.
 */
export function guardLoop(clock: Clock, report: Report, signal: AbortSignal, blockedMs: number): void {
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const thread = new Worker(new URL('loop-thread.js', import.meta.url), {
    workerData: { beats, beatMs: BEAT_MS, missed: Math.ceil(blockedMs / BEAT_MS) },
    resourceLimits: SMALL,
    execArgv: [],
  });
  thread.on('error', (err) => report('loop guard ended', { err }));
  thread.unref();
  const beat = async (): Promise<void> => {
    while (!signal.aborted) {
      Atomics.add(beats, 0, 1);
      await clock.sleep(BEAT_MS / 2, signal);
    }
    await thread.terminate();
  };
  void beat();
}
