import { useEffect, useState } from 'preact/hooks';
import { html, type Shown } from '../html.ts';
import { place, refine } from '../router.ts';

// Filters that stand in the address.

const PATIENCE_MS = 300;

/** Text that becomes a parameter of the address when one has stopped typing. */
export function TextFilter({ name, label, hint }: { name: string; label: string; hint?: string }): Shown {
  const told = place.value.query.get(name) ?? '';
  const [typed, setTyped] = useState(told);
  useEffect(() => setTyped(told), [told]);
  useEffect(() => {
    if (typed === told) return undefined;
    const timer = setTimeout(() => refine({ [name]: typed, after: '' }), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return html`<label class="field"
    ><span>${label}</span
    ><input
      type="search"
      value=${typed}
      placeholder=${hint}
      onInput=${(event: Event) => setTyped((event.currentTarget as HTMLInputElement).value)}
  /></label>`;
}

/** One of several, or any. */
export function ChoiceFilter(props: {
  name: string;
  label: string;
  choices: readonly (readonly [value: string, shown: string])[];
}): Shown {
  const told = place.value.query.get(props.name) ?? '';
  return html`<label class="field"
    ><span>${props.label}</span
    ><select
      value=${told}
      onChange=${(event: Event) =>
        refine({ [props.name]: (event.currentTarget as HTMLSelectElement).value, after: '' })}
    >
      ${props.choices.map(([value, shown]) => html`<option key=${value} value=${value}>${shown}</option>`)}
    </select></label
  >`;
}

/** A day, or a time in UTC where one stands in the address, as a stretch of a curve puts it there. */
export function DayFilter({ name, label }: { name: string; label: string }): Shown {
  const told = place.value.query.get(name) ?? '';
  const isTime = told.includes('T');
  return html`<label class="field"
    ><span>${isTime ? label.replace('day', 'time, UTC') : label}</span
    ><input
      type=${isTime ? 'datetime-local' : 'date'}
      value=${told}
      onChange=${(event: Event) =>
        refine({ [name]: (event.currentTarget as HTMLInputElement).value, after: '' })}
  /></label>`;
}

function to(cursor: string | null): string {
  const query = new URLSearchParams(place.value.query);
  if (cursor === null) query.delete('after');
  else query.set('after', cursor);
  const text = query.toString();
  return `${place.value.path}${text === '' ? '' : `?${text}`}`;
}

/** To the page behind this one, and back to the first. */
export function Pager({ next, shown }: { next: string | null; shown: string }): Shown {
  const after = place.value.query.get('after');
  return html`<nav class="pager" aria-label="Pages">
    <span class="quiet">${shown}</span>
    ${after !== null && html`<a class="button small" href=${to(null)}>First page</a>`}
    ${
      after !== null &&
      html`<button type="button" class="small plain" onClick=${() => history.back()}>Back</button>`
    }
    ${next !== null && html`<a class="button small" href=${to(next)}>Next page</a>`}
  </nav>`;
}
