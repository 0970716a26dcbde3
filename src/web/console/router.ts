import { signal } from '@preact/signals';
import { ownPath, placed } from './prefix.ts';

// Every screen, and every filter of it, has an address. What changes the screen is a step back; what changes a filter replaces.

/** Where one is. */
export const place = signal(read());

/** The address of a screen, taken apart. */
export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

function read(): Place {
  return {
    path: ownPath(location.pathname).replace(/(.)\/$/, '$1'),
    query: new URLSearchParams(location.search),
  };
}

addEventListener('popstate', () => {
  place.value = read();
});

/** Goes to an address of the console, as its screens know it. */
export function go(address: string): void {
  history.pushState(null, '', placed(address));
  place.value = read();
  scrollTo(0, 0);
}

/** Changes parameters of this address; an empty one goes. */
export function refine(changes: Readonly<Record<string, string>>): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === '') query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  history.replaceState(null, '', location.pathname + (text === '' ? '' : `?${text}`));
  place.value = read();
}

/** Links of the console open without loading the page anew; those to elsewhere, and with a key held, as ever. */
export function followLinks(): void {
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (link === null || !isPlain(event) || !isOfConsole(link)) return;
    event.preventDefault();
    if (link.hash !== '' && link.pathname === location.pathname && link.search === location.search)
      document.querySelector<HTMLElement>(link.hash)?.focus();
    else go(ownPath(link.pathname) + link.search);
  });
}

function isPlain(event: MouseEvent): boolean {
  const isKeyHeld = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  return event.button === 0 && !isKeyHeld && !event.defaultPrevented;
}

function isOfConsole(link: HTMLAnchorElement): boolean {
  if (link.origin !== location.origin || link.hasAttribute('download') || link.target !== '') return false;
  return !/^\/(queues|api|metrics|login|logout|assets)(\/|$)/.test(ownPath(link.pathname));
}
