import { computed, effect, signal } from '@preact/signals';
import type { Status } from '../../../operate/status/index.ts';
import { ask, asApiError } from '../api.ts';
import { chosenSite, isAll, sites } from '../sites.ts';
import { allSites, didAnswer, sumOf, type OneOfAll } from './all-sites.ts';
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

/** Asks how the site is that is looked at, or all are. Throws ApiError. */
async function askNow(): Promise<void> {
  const asked = chosenSite.value;
  if (!isAll.value) {
    const told = await ask<Status>('/api/status');
    if (asked === chosenSite.value) hear(told); // another may have been chosen meanwhile
    return;
  }
  const { sites: told } = await ask<{ sites: readonly OneOfAll[] }>('/api/status');
  if (!isAll.value) return;
  allSites.value = told;
  const sum = sumOf(told);
  if (sum !== undefined) hear(sum);
  if (told.every((one) => !didAnswer(one))) silence.value = 'No site answers.';
}

/** What was heard of one site is not told of another. */
function forgetOnChoice(): void {
  let last = chosenSite.peek();
  effect(() => {
    const next = chosenSite.value;
    if (next === last) return;
    last = next;
    status.value = undefined;
    heardAt.value = undefined;
    allSites.value = [];
    askNow().catch((error: unknown) => {
      silence.value = asApiError(error).message;
    });
  });
}

/** Learns which sites there are; one alone needs no choice. */
async function learnSites(): Promise<void> {
  const { rows } = await ask<{ rows: readonly { readonly site: string }[] }>('/api/sites');
  sites.value = rows.map(({ site }) => site);
}

/** Keeps the status fresh while the page is seen. */
export function follow(): void {
  forgetOnChoice();
  learnSites().catch(() => undefined); // the status tells that the server does not answer
  const look = async (): Promise<void> => {
    // while the server tells it by itself the page need not ask
    if (!document.hidden && (heardAt.value === undefined || Date.now() - heardAt.value > EVERY_MS * 2)) {
      try {
        await askNow();
      } catch (error) {
        silence.value = asApiError(error).message;
      }
    }
    setTimeout(() => void look(), EVERY_MS);
  };
  void look();
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) askNow().catch(() => undefined); // the loop tells why not
  });
}
