import type { Report } from '../../domain/events.ts';
import { messageOf } from '../../domain/faults.ts';

const DEADLINE_MS = 10_000;
/** What a monitoring service keeps of a reason. */
const LONGEST_REASON = 10_000;

/**
 * Tells a dead-man switch how a job goes, as healthchecks.io and those like it take it: `<address>/start`, `<address>`,
 * `<address>/fail` with the reason as the body. That it cannot be reached is reported and changes nothing. The address is a
 * secret: who knows it can say that all is well.
 */
export async function ping(
  address: string,
  news: { readonly kind: 'start' | 'success' } | { readonly kind: 'fail'; readonly reason: string },
  job: string,
  report: Report,
): Promise<void> {
  const url = new URL(address);
  if (news.kind !== 'success') url.pathname = `${url.pathname.replace(/\/$/, '')}/${news.kind}`;
  try {
    const answer = await fetch(url, {
      method: 'POST',
      body: news.kind === 'fail' ? news.reason.slice(0, LONGEST_REASON) : '',
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    await answer.body?.cancel();
    if (!answer.ok) report('ping failed', { job, reason: `${url.host} answered ${answer.status}` });
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : '';
    report('ping failed', { job, reason: `${url.host}: ${messageOf(error)}${cause}` });
  }
}
