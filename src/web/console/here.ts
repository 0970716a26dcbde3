import { signal } from '@preact/signals';

// What the page was told when it was sent, and what its reader has chosen.

/** The element that everything is drawn in. */
export const root: HTMLElement = document.getElementById('console') ?? document.body;

export const site = root.dataset['site'] ?? '';
/** False for who may see everything and change nothing. */
export const mayAct = root.dataset['may'] !== 'look';

/** Where tars land and recordings lie: what every name begins with says nothing of it. */
export const places = [root.dataset['incoming'], root.dataset['extracted']].flatMap((place) =>
  place === undefined ? [] : [`${place}/`],
);

const KEPT = 'wavspool.zone';

/** `UTC` or `local`, the browser's own. */
export const zone = signal(localStorage.getItem(KEPT) === 'local' ? 'local' : 'UTC');

export function switchZone(): void {
  zone.value = zone.value === 'UTC' ? 'local' : 'UTC';
  localStorage.setItem(KEPT, zone.value);
}

/** Goes on every second, for what tells how long ago something was. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
