import { useAnswer, type Asked } from '../api.ts';
import { count } from '../format.ts';
import { html, type Shown } from '../html.ts';
import type { Page } from '../rows.ts';
import { place } from '../router.ts';
import { Empty, Trouble } from './basics.ts';
import { Pager } from './fields.ts';
import { Lacking } from './sites.ts';
import { Table, type Column } from './table.ts';

// A list that the server gives page by page, by what the address asks for.

/** The page that is shown, and whether it is a part of the list only. */
export interface List<T> {
  readonly answer: Asked<Page<T>>;
  readonly rows: readonly T[];
  readonly isFiltered: boolean;
}

/**
 * Asks for the page that the address is about: `asked` names the parameters that go on as they stand, `always` has those of every page.
 * Asked anew when `again` changes.
 */
export function useList<T>(
  path: string,
  {
    asked,
    always,
    again,
  }: { asked: readonly string[]; always: Readonly<Record<string, string>>; again?: unknown },
): List<T> {
  const query = place.value.query;
  const answer = useAnswer<Page<T>>(
    `${path}?${new URLSearchParams({ ...always, ...standing(asked) })}`,
    again,
  ).value;
  const isFiltered = asked.some((name) => name !== 'after' && query.has(name));
  return { answer, rows: answer.value?.rows ?? [], isFiltered };
}

/** Those of the parameters that stand in the address. */
export function standing(names: readonly string[]): Readonly<Record<string, string>> {
  const query = place.value.query;
  return Object.fromEntries(
    names.flatMap((name) => (query.has(name) ? [[name, query.get(name) ?? '']] : [])),
  );
}

/** The filters of a list; they stand in the address. `clear` is where none of them stands. */
export function Filters(props: { of: string; clear: string; isFiltered: boolean; children?: Shown }): Shown {
  return html`<form
    class="filters"
    role="search"
    aria-label="Filter ${props.of}"
    onSubmit=${(event: Event) => event.preventDefault()}
  >
    ${props.children} ${props.isFiltered && html`<a class="button small" href=${props.clear}>Clear</a>`}
  </form>`;
}

/** The page as a table, `children` and the way to the next one; or `empty` where the list has no row. */
export function ListCard<T>(props: {
  list: Pick<List<T>, 'answer' | 'rows'>;
  label: string;
  caption: string;
  keyOf: (row: T) => string;
  columns: readonly Column<T>[];
  empty: { readonly title: string; readonly text: string };
  children?: Shown;
}): Shown {
  const { answer, rows } = props.list;
  const { value } = answer;
  const isEmpty = value !== undefined && rows.length === 0 && value.next === null;
  return html`${answer.error !== undefined && html`<${Trouble} error=${answer.error} />`}
    <${Lacking} sites=${value?.unasked} />
    ${
      isEmpty
        ? html`<${Empty} title=${props.empty.title}>${props.empty.text}</${Empty}>`
        : html`<section class="card" aria-label=${props.label} aria-busy=${answer.isLoading}>
            <${Table} caption=${props.caption} rows=${rows} keyOf=${props.keyOf} columns=${props.columns} />
            ${props.children}
            <${Pager} next=${value?.next ?? null} shown=${shownText(rows.length, value)} />
          </section>`
    }`;
}

/** A page may be empty and not the last: a search looks through so many rows at a time. */
function shownText(rows: number, page: Page<unknown> | undefined): string {
  if (rows === 0 && page !== undefined && page.next !== null)
    return 'None among those looked at so far; the next page looks further back.';
  return `${count(rows)} shown${page?.total === undefined ? '' : ` of ${count(page.total)}`}`;
}
