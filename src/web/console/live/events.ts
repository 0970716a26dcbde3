import { effect, signal } from '@preact/signals';
import { site as own } from '../here.ts';
import { placed } from '../prefix.ts';
import { chosenSite } from '../sites.ts';
import { hear } from './status.ts';
import type { Status } from '../../../operate/status/index.ts';

/** The id of the newest event that was heard of; it changes with each. */
export const newestEvent = signal('');
/** True while the server tells by itself what goes on. */
export const isStreaming = signal(false);

/** Listens to the server while the page is seen: a browser opens few connections to one server, over all its tabs. */
export function listen(): void {
  let source: EventSource | undefined;
  const close = (): void => {
    source?.close();
    source = undefined;
    isStreaming.value = false;
  };
  const open = (): void => {
    if (source !== undefined || document.hidden || chosenSite.peek() !== own) return; // of others it asks
    source = new EventSource(placed('/api/events'));
    source.addEventListener('status', ({ data }: MessageEvent<string>) => {
      isStreaming.value = true;
      hear(JSON.parse(data) as Status);
    });
    source.addEventListener('report', ({ lastEventId }: MessageEvent<string>) => {
      newestEvent.value = lastEventId;
    });
    source.addEventListener('error', () => {
      isStreaming.value = false;
      if (source?.readyState === EventSource.CLOSED) close(); // it was refused; the questions go on
    });
  };
  effect(() => {
    if (chosenSite.value === own) open();
    else close();
  });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) close();
    else open();
  });
}
