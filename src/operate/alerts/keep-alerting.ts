import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { backOffMs } from '../../domain/back-off.ts';
import type { Report } from '../../domain/events.ts';
import { messageOf } from '../../domain/faults.ts';
import type { Settings } from '../../platform/config/index.ts';
import { every, type Clock } from '../../platform/runtime/index.ts';
import type { Problem } from '../health/index.ts';
import type { Status } from '../status/index.ts';
import { decide, type OpenProblem } from './decide.ts';
import { messageOfNews } from './message.ts';
import { openAlerts, type Alerts } from './open-alerts.ts';
import { receiversOf, type Receiver } from './receivers.ts';

export interface AlertingDeps {
  readonly settings: Pick<Settings, 'site' | 'paths' | 'alerts'>;
  readonly status: () => Promise<Pick<Status, 'verdict'>>;
  readonly clock: Clock;
  readonly report: Report;
}

const LOOK_MS = 15_000;
/** How often it is looked for what waits to be sent. */
const SEND_MS = 1000;
const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 5 * 60_000;
/** Who died while it sent leaves its message to the next for so long. */
const LEASE_MS = 60_000;

/**
 * Tells those that `settings.alerts` names of each problem of the verdict, until stopped:
 *
 * 1. It looks every 15 s. What a look finds and what is to be told of it become durable together.
 * 2. What is to be told is sent to each receiver in its order, and again until the receiver has taken it: at least once.
 *
 * Throws STATE_UNUSABLE or STATE_DAMAGED. Where no receiver is named, it does nothing.
 */
export function startAlerting(deps: AlertingDeps): { stop(): Promise<void> } {
  const receivers = receiversOf(deps.settings.alerts);
  if (receivers.length === 0) return { stop: async () => undefined };
  const alerts = openAlerts(deps.settings.paths.state);
  const stopped = new AbortController();
  const { clock, report } = deps;
  const repeating = { clock, signal: stopped.signal };
  const running = [
    every(LOOK_MS, async () => lookOnce(deps, alerts, receivers), {
      ...repeating,
      failed: (err) => report('alerts not kept', { err }),
    }),
    ...receivers.map(async (receiver) => {
      const told = lastingTrouble(deps, receiver, alerts);
      await every(SEND_MS, async () => sendAll(deps, alerts, receiver, told, stopped.signal), {
        ...repeating,
        failed: (err) => report('alerts not kept', { err }),
      });
    }),
  ];
  return {
    stop: async () => {
      stopped.abort();
      await Promise.all(running);
      alerts.close();
    },
  };
}

/** One look at the verdict. */
async function lookOnce(
  { settings, status, clock, report }: AlertingDeps,
  alerts: Alerts,
  receivers: readonly Receiver[],
): Promise<void> {
  const attention = await status().then(
    ({ verdict }) => verdict.attention,
    (error: unknown) => error,
  );
  const now = clock.now();
  const { site, alerts: wanted } = settings;
  const dropped = alerts.look(
    (open) =>
      decide(open, Array.isArray(attention) ? attention : unknown(open, attention), now, {
        afterMs: wanted.after,
        everyMs: wanted.every,
      }),
    ({ news }) => messageOfNews(news, { id: randomUUID(), site, host: hostname(), now }),
    receivers.map(({ name }) => name),
  );
  if (dropped > 0) report('alerts dropped', { dropped });
}

/** Where it cannot be told how the site is, that is a problem, and whatever was one counts as there still. */
function unknown(open: readonly OpenProblem[], error: unknown): readonly Problem[] {
  const problem: Problem = {
    id: 'status-unknown',
    since: null,
    what: `How this site is cannot be told: ${messageOf(error)}.`,
    effect: 'Nothing tells of other problems.',
    remedy: 'See what the message names.',
    command: 'wavspool doctor',
  };
  return [...open.flatMap(({ problem, goneAt }) => (goneAt === undefined ? problem : [])), problem];
}

/** Sends what waits for one receiver, until nothing does or it takes no more. */
async function sendAll(
  { clock }: AlertingDeps,
  alerts: Alerts,
  receiver: Receiver,
  told: Trouble,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const now = clock.now();
    const next = alerts.claim(receiver.name, now, now + LEASE_MS);
    if (next === undefined) return;
    try {
      told.over(await receiver.send(next.message, signal));
      alerts.delivered(next.seq);
    } catch (error) {
      const pauseMs = backOffMs(next.tries, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
      alerts.failed(next.seq, signal.aborted ? now : clock.now() + pauseMs);
      if (!signal.aborted) told.failed(error);
      return;
    }
  }
}

interface Trouble {
  failed(error: unknown): void;
  over(refused: readonly string[]): void;
}

/** A receiver that takes nothing is told of once, and when it takes them again. */
function lastingTrouble({ report }: AlertingDeps, { name }: Receiver, alerts: Alerts): Trouble {
  let failing = false;
  return {
    failed: (error) => {
      if (!failing)
        report('alert not sent', { receiver: name, reason: messageOf(error), waiting: alerts.waiting(name) });
      failing = true;
    },
    over: (refused) => {
      if (failing) report('alerts sent again', { receiver: name });
      failing = false;
      if (refused.length > 0)
        report('alert not sent', { receiver: name, reason: `refused: ${refused.join(', ')}`, waiting: 0 });
    },
  };
}
