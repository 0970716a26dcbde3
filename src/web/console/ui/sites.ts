import { html, type Shown } from '../html.ts';
import { visible } from '../format.ts';
import type { Lack, OfSite } from '../rows.ts';
import { about, ALL, isAll, sites } from '../sites.ts';
import { place } from '../router.ts';
import { Empty, Time } from './basics.ts';
import type { Column } from './table.ts';

/** Of which site a row is, where rows of several stand together. */
export function siteColumn<T extends OfSite>(): readonly Column<T>[] {
  if (!isAll.value) return [];
  return [
    {
      head: 'Site',
      kind: 'tight',
      cell: (row) => html`<a class="plain" href=${about(place.value.path, row.site)}>${row.site}</a>`,
    },
  ];
}

/** Whose rows are not among these, and why. */
export function Lacking({ sites: lacking = [] }: { sites?: readonly Lack[] | undefined }): Shown {
  if (lacking.length === 0) return null;
  return html`<div class="notice" role="status">
    <strong>Not every site is in this list.</strong>
    <ul>
      ${lacking.map(
        (one) =>
          html`<li key=${one.site}>
            <b>${one.site}</b> ${visible(why(one))}
            ${one.since !== undefined && html` since <${Time} at=${one.since} />`}
          </li>`,
      )}
    </ul>
  </div>`;
}

function why({ error, figures, figuresAgeSeconds }: Lack): string {
  if (figures === undefined) return error ?? '';
  const counts = Object.entries(figures).map(([reason, { count }]) => `${count} ${reason}`);
  return `only its host can list them; its watch role told ${figuresAgeSeconds ?? '?'} s ago: ${counts.length === 0 ? 'none' : counts.join(', ')}`;
}

/** A screen that is about one host: which shall it be? */
export function OneSite({ what }: { what: string }): Shown {
  return html`<${Empty} title="Choose a site"
    >${what} of one site at a time:
    ${sites.value
      .filter((site) => site !== ALL)
      .map((site) => html`${' '}<a key=${site} href=${about(place.value.path, site)}>${site}</a>`)}</${Empty}
  >`;
}
