import { BEAT_MS, BLOCKED_MS } from '../../operate/watchdog/index.ts';
import type { Clock } from '../../platform/runtime/index.ts';

const MISSED = BLOCKED_MS / BEAT_MS;

/**
 * Calls `blocked` when a process has sent no beat for {@link BLOCKED_MS}; from its first beat on, for a start may take as long as it does.
 * What is counted are our own rounds, which stand still when the whole machine does. Ends with the signal, or once it has called.
 */
export function countBeats(
  clock: Clock,
  signal: AbortSignal,
  blocked: () => void,
): { readonly beat: () => void } {
  let missed: number | undefined;
  const count = async (): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(BEAT_MS, signal);
      missed = (missed ?? 0) + 1;
      if (missed <= MISSED || signal.aborted) continue;
      return blocked();
    }
  };
  return {
    beat: () => {
      if (missed === undefined) void count();
      missed = 0;
    },
  };
}
