import type { Status } from '../../../operate/status/index.ts';
import { count, size, span } from '../format.ts';
import { mayAct } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { Button } from './basics.ts';
import type { Forecast } from './history.ts';
import { pauseDialog, resume, type Pausable } from './pause.ts';

interface Stage {
  readonly name: string;
  readonly href: string;
  /** Undefined: it is not known. */
  readonly figure: number | undefined;
  readonly what: string;
  readonly detail: string;
  readonly tone: 'neutral' | 'warn' | 'bad' | 'good';
  readonly queue?: Pausable;
}

/** The way of a recording: how many are where, the oldest of them, and how fast it goes. */
export function Pipeline({ status, forecast }: { status: Status; forecast: Forecast | undefined }): Shown {
  const stages = [landing(status), extract(status, forecast), upload(status, forecast), stored(status)];
  return html`<ol class="pipeline" aria-label="The way of a recording">
    ${stages.map(
      ({ name, href, figure, what, detail, tone, queue }) =>
        html`<li key=${name} class=${tone}>
          <a href=${href}
            ><h2>${name}</h2>
            <b class="figure">${figure === undefined ? '–' : count(figure)}</b> <span>${what}</span></a
          >
          <p>${detail}</p>
          ${queue !== undefined && mayAct && html`<${Switch} queue=${queue} isPaused=${status.queues[queue]?.paused === true} />`}
        </li>`,
    )}
  </ol>`;
}

function Switch({ queue, isPaused }: { queue: Pausable; isPaused: boolean }): Shown {
  return isPaused
    ? html`<${Button} small kind="primary" onClick=${() => resume(queue)}>Resume</${Button}>`
    : html`<${Button} small kind="ghost" label="Pause ${queue}" onClick=${() => pauseDialog(queue)}
        >Pause …</${Button}
      >`;
}

function landing({ landing = {}, oldestWaiting }: Status): Stage {
  const reasons = Object.entries(landing);
  const waiting = reasons.reduce((sum, [, { count: files }]) => sum + files, 0);
  const oldest = Math.max(0, ...reasons.map(([, { oldestSeconds }]) => oldestSeconds));
  const isTrouble = reasons.some(([, { needsAttention }]) => needsAttention);
  return {
    name: 'Landing',
    href: '/landing',
    figure: waiting,
    what: 'not taken',
    detail:
      waiting > 0
        ? `oldest for ${span(oldest * 1000)}`
        : oldestWaiting === null
          ? 'every tar is taken'
          : `oldest tar waits for ${span(oldestWaiting.ageSeconds * 1000)}`,
    tone: isTrouble ? 'bad' : 'neutral',
  };
}

function extract({ queues, tars }: Status, forecast: Forecast | undefined): Stage {
  const queue = queues.extract;
  const waiting = queue === undefined ? undefined : queue.waiting + queue.active + queue.delayed;
  const oldest = queue?.oldestWaitingMs ?? queue?.oldestActiveMs;
  return {
    name: 'Extract',
    href: '/tars',
    figure: waiting,
    what: waiting === 1 ? 'tar under way' : 'tars under way',
    detail: detailOf(
      queue?.paused === true,
      oldest,
      extracted(tars),
      inTime('disk full in', forecast?.diskFullSeconds, SOON_SECONDS),
    ),
    tone: queue?.paused === true || isSoonFull(forecast) ? 'warn' : 'neutral',
    queue: 'extract',
  };
}

function extracted(tars: Status['tars']): string {
  if (tars === null) return '';
  return `${count(tars.extracted)} extracted${tars.failed > 0 ? `, ${count(tars.failed)} failed` : ''}`;
}

function upload({ queues, recordings, store }: Status, forecast: Forecast | undefined): Stage {
  const { paused = false, oldestWaitingMs } = queues.upload ?? {};
  const isAway = store?.available === false;
  const done = paused ? '' : inTime('done in', forecast?.backlogDoneSeconds);
  return {
    name: 'Upload',
    href: '/recordings?status=PENDING',
    figure: recordings?.PENDING,
    what: 'pending',
    detail: isAway
      ? `storage is unavailable (${store.cause ?? 'unknown'})`
      : detailOf(paused, oldestWaitingMs, pending(recordings), done),
    tone: isAway ? 'bad' : paused ? 'warn' : 'neutral',
    queue: 'upload',
  };
}

function pending(recordings: Status['recordings']): string {
  if (recordings === null) return '';
  return recordings.pendingBytes > 0 ? size(recordings.pendingBytes) : 'nothing waits';
}

function stored({ recordings, rates }: Status): Stage {
  const failed = recordings?.FAILED ?? 0;
  return {
    name: 'Verified',
    href: '/recordings?status=SUCCESS',
    figure: recordings?.SUCCESS,
    what: 'in the bucket',
    detail:
      rates === null
        ? ''
        : `${count(rates.recordingsLastMinute)} in the last minute, ${count(rates.recordingsLastHour)} in the hour${failed > 0 ? `; ${count(failed)} failed` : ''}`,
    tone: failed > 0 ? 'neutral' : 'good', // the figure is of what is well; the failed ones have their problem above
  };
}

/** A disk that lasts longer is nothing to speak of. */
const SOON_SECONDS = 30 * 86_400;
const TOO_SOON_SECONDS = 2 * 86_400;

/** What follows if it goes on as it went lately. */
function inTime(what: string, seconds: number | null | undefined, most = Infinity): string {
  return seconds == null || seconds > most ? '' : `${what} ${span(seconds * 1000)}`;
}

function isSoonFull(forecast: Forecast | undefined): boolean {
  return (forecast?.diskFullSeconds ?? Infinity) < TOO_SOON_SECONDS;
}

function detailOf(isPaused: boolean, oldestMs: number | undefined, ...rest: readonly string[]): string {
  const oldest = oldestMs === undefined ? '' : `oldest for ${span(oldestMs)}`;
  return [isPaused ? 'paused' : '', oldest, ...rest].filter((part) => part !== '').join(' · ');
}
