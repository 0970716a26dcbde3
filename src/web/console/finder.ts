import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ask } from './api.ts';
import { html, type Shown } from './html.ts';
import { status } from './live/status.ts';
import { go } from './router.ts';
import { SCREENS } from './screens/index.ts';
import { Path } from './ui/basics.ts';
import { about } from './sites.ts';

/** Something that was found, and where it is shown. */
interface Hit {
  readonly kind: string;
  readonly text: string;
  readonly address: string;
}

interface Found {
  readonly recordings: readonly {
    readonly id: string;
    readonly path: string;
    readonly key?: string | undefined;
    readonly site?: string;
  }[];
  readonly tars: readonly { readonly id: string; readonly path: string; readonly site?: string }[];
}

const typed = signal('');
/** What was found, and for which text: another may have been typed since. */
const found = signal<{ readonly text: string; readonly hits: readonly Hit[] }>({ text: '', hits: [] });
const chosen = signal(0);
/** The text that Enter was pressed for before its answer was there. */
let awaited: string | undefined;
let dialog: HTMLDialogElement | null = null;

const PATIENCE_MS = 200;

/** Opens at once, within the key or the click that asks for it: the next key lands in its field. */
export function openFinder(text = ''): void {
  if (dialog === null || dialog.open) return;
  type(text);
  found.value = { text: '', hits: [] };
  dialog.showModal();
}

function type(text: string): void {
  typed.value = text;
  awaited = undefined;
}

/** `/` from anywhere: a part of the name of a recording or a tar, a key, a cause, a screen. */
export function Finder(): Shown {
  const text = typed.value;
  const { hits } = found.value;
  const isBusy = found.value.text !== text.trim();
  useEffect(() => {
    const gone = new AbortController();
    const timer = setTimeout(() => void look(text.trim(), gone.signal), PATIENCE_MS);
    return () => {
      clearTimeout(timer);
      gone.abort();
    };
  }, [text]);
  return html`<dialog ref=${hold} class="finder" aria-label="Find">
    <input
      type="search"
      role="combobox"
      aria-expanded=${hits.length > 0}
      aria-controls="found"
      aria-activedescendant=${hits.length > 0 ? `hit-${chosen.value}` : undefined}
      aria-label="A part of a recording’s, a tar’s or a key’s name, or a cause"
      placeholder="Recording, tar, key, cause"
      value=${text}
      onInput=${(event: Event) => {
        type((event.currentTarget as HTMLInputElement).value);
      }}
      onKeyDown=${key}
    />
    <ul id="found" role="listbox" aria-label="Found">
      ${hits.map(
        (hit, at) =>
          html`<li
            key=${hit.address}
            id="hit-${at}"
            role="option"
            aria-selected=${at === chosen.value}
            onClick=${() => visit(hit)}
          >
            <span class="kind">${hit.kind}</span><${Path} path=${hit.text} />
          </li>`,
      )}
    </ul>
    <p class="quiet" role="status">
      ${isBusy ? 'Looking …' : text !== '' && hits.length === 0 ? 'Nothing has that in its name.' : '↑ ↓ choose · Enter opens · Esc closes'}
    </p>
  </dialog>`;
}

function hold(element: HTMLDialogElement | null): void {
  dialog = element;
}

function visit(hit: Hit): void {
  dialog?.close();
  go(hit.address);
}

function key(event: KeyboardEvent): void {
  const { text, hits } = found.value;
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  if (step !== 0) {
    event.preventDefault();
    chosen.value = Math.min(Math.max(0, hits.length - 1), Math.max(0, chosen.value + step));
    document.getElementById(`hit-${chosen.value}`)?.scrollIntoView({ block: 'nearest' });
  }
  if (event.key !== 'Enter') return;
  const hit = hits[chosen.value];
  if (text !== typed.value.trim()) awaited = typed.value.trim();
  else if (hit !== undefined) visit(hit);
}

async function look(text: string, signal: AbortSignal): Promise<void> {
  const hits = text === '' ? [] : [...known(text), ...(await asked(text, signal))];
  if (signal.aborted) return;
  chosen.value = 0;
  found.value = { text, hits };
  const [first] = hits;
  if (awaited === text && first !== undefined) visit(first);
  awaited = undefined;
}

/** What the page knows by itself: screens and causes. */
function known(text: string): readonly Hit[] {
  const low = text.toLowerCase();
  const screens = SCREENS.filter(({ menu, title }) => menu && title.toLowerCase().startsWith(low));
  const causes = (status.value?.causes ?? []).filter(({ cause }) => cause.includes(low));
  return [
    ...screens.map(({ title, address }) => ({ kind: 'screen', text: title, address })),
    ...causes.map(({ cause, recordings }) => ({
      kind: 'cause',
      text: `${cause}: ${recordings} failed`,
      address: `/failures?cause=${encodeURIComponent(cause)}`,
    })),
  ];
}

async function asked(text: string, signal: AbortSignal): Promise<readonly Hit[]> {
  try {
    const { recordings, tars } = await ask<Found>(`/api/find?${new URLSearchParams({ text })}`, { signal });
    const ofTars = tars.map(({ id, path, site }) => ({
      kind: kindAt('tar', site),
      text: path,
      address: about(`/tars/${id}`, site),
    }));
    const isNamed = ({ path, key = '' }: Found['recordings'][number]): boolean =>
      path.includes(text) || key.includes(text);
    const ofRecordings = (isOwn: boolean): readonly Hit[] =>
      recordings
        .filter((one) => isNamed(one) === isOwn)
        .map(({ id, path, site }) => ({
          kind: kindAt('recording', site),
          text: path,
          address: about(`/recordings/${id}`, site),
        }));
    // who types the name of a tar means the tar, not what was in it
    return [...ofRecordings(true), ...ofTars, ...ofRecordings(false)];
  } catch {
    return []; // the frame tells that the server does not answer
  }
}

/** Of which site it is, where several were asked. */
function kindAt(kind: string, site: string | undefined): string {
  return site === undefined ? kind : `${kind}, ${site}`;
}
