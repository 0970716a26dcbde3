import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ask } from './api.ts';
import { visible } from './format.ts';
import { html, type Shown } from './html.ts';
import { status } from './live/status.ts';
import { go } from './router.ts';
import { SCREENS } from './screens/index.ts';

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
  }[];
  readonly tars: readonly { readonly id: string; readonly path: string }[];
}

const isOpen = signal(false);
const typed = signal('');
const hits = signal<readonly Hit[]>([]);
const chosen = signal(0);
const isBusy = signal(false);

const PATIENCE_MS = 200;

export function openFinder(): void {
  isOpen.value = true;
}

function close(): void {
  isOpen.value = false;
  typed.value = '';
  hits.value = [];
}

/** `/` from anywhere: a part of the name of a recording or a tar, a key, a cause, a screen. */
export function Finder(): Shown {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = isOpen.value;
  const text = typed.value;
  useEffect(() => {
    if (open && dialog.current?.open === false) dialog.current.showModal();
    if (!open && dialog.current?.open === true) dialog.current.close();
  }, [open]);
  useEffect(() => {
    const gone = new AbortController();
    const timer = setTimeout(() => void look(text, gone.signal), PATIENCE_MS);
    return () => {
      clearTimeout(timer);
      gone.abort();
    };
  }, [text]);
  return html`<dialog ref=${dialog} class="finder" aria-label="Find" onClose=${close}>
    <input
      type="search"
      role="combobox"
      aria-expanded=${hits.value.length > 0}
      aria-controls="found"
      aria-activedescendant=${hits.value.length > 0 ? `hit-${chosen.value}` : undefined}
      aria-label="A part of a recording’s, a tar’s or a key’s name, or a cause"
      placeholder="Recording, tar, key, cause"
      value=${text}
      onInput=${(event: Event) => {
        typed.value = (event.currentTarget as HTMLInputElement).value;
      }}
      onKeyDown=${key}
    />
    <ul id="found" role="listbox" aria-label="Found">
      ${hits.value.map(
        (hit, at) =>
          html`<li
            key=${hit.address}
            id="hit-${at}"
            role="option"
            aria-selected=${at === chosen.value}
            onClick=${() => visit(hit)}
          >
            <span class="kind">${hit.kind}</span><span class="path">${visible(hit.text)}</span>
          </li>`,
      )}
    </ul>
    <p class="quiet" role="status">
      ${isBusy.value ? 'Looking …' : text !== '' && hits.value.length === 0 ? 'Nothing has that in its name.' : '↑ ↓ choose · Enter opens · Esc closes'}
    </p>
  </dialog>`;
}

function visit(hit: Hit): void {
  close();
  go(hit.address);
}

function key(event: KeyboardEvent): void {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  if (step !== 0) {
    event.preventDefault();
    const most = Math.max(0, hits.value.length - 1);
    chosen.value = Math.min(most, Math.max(0, chosen.value + step));
    document.getElementById(`hit-${chosen.value}`)?.scrollIntoView({ block: 'nearest' });
  }
  const hit = hits.value[chosen.value];
  if (event.key === 'Enter' && hit !== undefined) visit(hit);
}

async function look(text: string, signal: AbortSignal): Promise<void> {
  chosen.value = 0;
  const wanted = text.trim();
  if (wanted === '') {
    hits.value = [];
    return;
  }
  const low = wanted.toLowerCase();
  const screens = SCREENS.filter(({ menu, title }) => menu && title.toLowerCase().startsWith(low)).map(
    ({ title, address }) => ({ kind: 'screen', text: title, address }),
  );
  const causes = (status.value?.causes ?? [])
    .filter(({ cause }) => cause.includes(low))
    .map(({ cause, recordings }) => ({
      kind: 'cause',
      text: `${cause}: ${recordings} failed`,
      address: `/failures?cause=${encodeURIComponent(cause)}`,
    }));
  isBusy.value = true;
  try {
    const found = await ask<Found>(`/api/find?${new URLSearchParams({ text: wanted })}`, { signal });
    hits.value = [
      ...screens,
      ...causes,
      ...found.recordings.map(({ id, path }) => ({
        kind: 'recording',
        text: path,
        address: `/recordings/${id}`,
      })),
      ...found.tars.map(({ id, path }) => ({ kind: 'tar', text: path, address: `/tars/${id}` })),
    ];
  } catch {
    if (!signal.aborted) hits.value = [...screens, ...causes]; // the frame tells that the server does not answer
  } finally {
    if (!signal.aborted) isBusy.value = false;
  }
}
