import { computed, signal } from '@preact/signals';
import type { Status } from '../../../operate/status/index.ts';
import { ask, asApiError } from '../api.ts';
import { now } from '../here.ts';

/** The last status that was heard of, and when, by this browser's clock. */
export const status = signal<Status | undefined>(undefined);
const heardAt = signal<number | undefined>(undefined);
/** Why nothing was heard lately. */
export const silence = signal<string | undefined>(undefined);

/** So long after the last word what is shown is old. */
const STALE_MS = 8000;
const EVERY_MS = 2000;

/** Since when what is shown may no longer be so (ms since 1970); undefined while it is fresh. */
export const staleSince = computed(() => {
  const heard = heardAt.value;
  return heard === undefined || now.value - heard < STALE_MS ? undefined : heard;
});

/** The server's clock less this one's, in ms: ages are told by the server's. */
const clockAhead = signal(0);

/** How long ago it was, in ms; `at` is the server's time. */
export function agoMs(at: number): number {
  return Math.max(0, now.value + clockAhead.value - at);
}

/** Takes a status that has come in. */
export function hear(next: Status): void {
  heardAt.value = Date.now();
  clockAhead.value = Date.parse(next.at) - Date.now();
  silence.value = undefined;
  status.value = next;
}

/** Keeps the status fresh while the page is seen. */
export function follow(): void {
  const look = async (): Promise<void> => {
    // while the server tells it by itself nobody has to ask
    if (!document.hidden && (heardAt.value === undefined || Date.now() - heardAt.value > EVERY_MS * 2)) {
      try {
        hear(await ask<Status>('/api/status'));
      } catch (error) {
        silence.value = asApiError(error).message;
      }
    }
    setTimeout(() => void look(), EVERY_MS);
  };
  void look();
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) ask<Status>('/api/status').then(hear, () => undefined); // the loop tells why not
  });
}
