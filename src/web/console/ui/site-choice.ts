import { html, type Shown } from '../html.ts';
import { site as own } from '../here.ts';
import { go, place } from '../router.ts';
import { ALL, chosenSite, sites } from '../sites.ts';

/** Which site one looks at: the same screen of another, or of all. */
export function SiteChoice(): Shown {
  const known = [...new Set([...sites.value, chosenSite.value])].filter((site) => site !== ALL);
  if (known.length < 2) return null;
  return html`<span class="site-choice"
    ><select aria-label="Site" value=${chosenSite.value} onChange=${choose}>
      <option value=${ALL}>All sites</option>
      ${known.map(
        (site) => html`<option key=${site} value=${site}>${site}${site === own ? ' (here)' : ''}</option>`,
      )}
    </select></span
  >`;
}

function choose(event: Event): void {
  const wanted = (event.currentTarget as HTMLSelectElement).value;
  const query = new URLSearchParams(location.search);
  query.delete('after'); // a place in the list of another site
  query.set('site', wanted);
  // one recording or tar is of one site: its list is shown instead
  const [, screen = ''] = place.value.path.split('/');
  go(`/${screen}?${query.toString()}`);
}
