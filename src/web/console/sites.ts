import { computed, signal } from '@preact/signals';
import { site as own } from './here.ts';
import { place } from './router.ts';

// Which site one looks at: the server's own, another that it knows, or all. The choice stands in the address.

export const ALL = 'all';

/** The site that is looked at. */
export const chosenSite = computed(() => place.value.query.get('site') ?? own);
export const isAll = computed(() => chosenSite.value === ALL);

/** Every site that the server knows; one until it has told. */
export const sites = signal<readonly string[]>([own]);

/** An address that is about that site, whatever is looked at; about the one that is looked at without it. */
export function about(address: string, site: string | undefined): string {
  return site === undefined ? address : `${address}${address.includes('?') ? '&' : '?'}site=${site}`;
}
