import { effect } from '@preact/signals';
import { chosenSite, isAll } from '../sites.ts';
import { staleSince, status } from './status.ts';

/** How a site is, in one word. */
export type Mood = 'unknown' | 'good' | 'warn' | 'bad';

/** What one reads first. */
export function mood(): Mood {
  const seen = status.value;
  if (seen === undefined || staleSince.value !== undefined) return 'unknown';
  if (!seen.verdict.alive) return 'bad';
  return seen.verdict.attention.length > 0 ? 'warn' : 'good';
}

const COLOURS: Readonly<Record<Mood, string>> = {
  unknown: '#8b95a5',
  good: '#15803d',
  warn: '#d97706',
  bad: '#dc2626',
};

/** The tab tells the state: how many problems there are in its title, the colour in its icon. */
export function tellInTab(title: () => string): void {
  effect(() => {
    const problems = status.value?.verdict.attention.length ?? 0;
    const now = mood();
    const sign = now === 'unknown' ? '(?) ' : problems > 0 ? `(${problems}) ` : '';
    document.title = `${sign}${title()} · ${isAll.value ? 'all sites' : chosenSite.value} · wavspool`;
    const drawn = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="${COLOURS[now]}"/><path d="M2.5 8h2l1.5-4 2.5 9 2-7 1 2h2" fill="none" stroke="#fff" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"/></svg>`;
    document
      .querySelector<HTMLLinkElement>('link[rel=icon]')
      ?.setAttribute('href', `data:image/svg+xml,${encodeURIComponent(drawn)}`);
  });
}
