import type { Report } from '../../domain/events.ts';
import { messageOf } from '../../domain/faults.ts';

/**
 * Asks of a job whether it is due, which may fail: undefined then, for the others go on. The reason is reported, and not again until it is another
 * one or was gone.
 */
export function toldOnce(
  report: Report,
): <T>(job: string, ask: () => Promise<T | undefined>) => Promise<T | undefined> {
  const told = new Map<string, string>();
  return async (job, ask) => {
    try {
      const answer = await ask();
      told.delete(job);
      return answer;
    } catch (err) {
      const reason = messageOf(err);
      if (told.get(job) !== reason) report('job not checked', { job, err });
      told.set(job, reason);
      return undefined;
    }
  };
}
