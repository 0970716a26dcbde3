import { useState } from 'preact/hooks';
import { clockTime, moment, span, splitPath, visible } from '../format.ts';
import { now, places, zone } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { agoMs } from '../live/status.ts';
import { toast } from './toast.ts';

// The smallest parts of every screen.

export type Tone = 'neutral' | 'good' | 'warn' | 'bad' | 'info';

/** A word with a colour, and a sign for who sees none. */
export function Chip({ tone = 'neutral', children }: { tone?: Tone; children?: Shown }): Shown {
  return html`<span class="chip ${tone}">${children}</span>`;
}

const STATUS_TONES: Readonly<Record<string, Tone>> = { SUCCESS: 'good', FAILED: 'bad', PENDING: 'info' };
const STATUS_WORDS: Readonly<Record<string, string>> = {
  SUCCESS: 'uploaded',
  FAILED: 'failed',
  PENDING: 'pending',
};

/** How a recording is. */
export function StatusChip({ status }: { status: string }): Shown {
  return html`<${Chip} tone=${STATUS_TONES[status] ?? 'neutral'}>${STATUS_WORDS[status] ?? status}</${Chip}>`;
}

/** A moment in the reader's zone, with how long ago it was on hover. */
export function Time({ at, ago = false }: { at: string | number | null | undefined; ago?: boolean }): Shown {
  if (at === null || at === undefined || at === '') return html`<span class="quiet">–</span>`;
  const ms = typeof at === 'number' ? at : moment(at);
  if (Number.isNaN(ms)) return html`<span class="quiet">${visible(String(at))}</span>`;
  const whole = `${clockTime(ms, zone.value)}${zone.value === 'UTC' ? ' UTC' : ''}`;
  const past = agoMs(ms);
  return html`<time
    class="figure"
    datetime=${new Date(ms).toISOString()}
    title=${ago ? whole : `${span(past)} ago`}
    >${ago ? `${span(past)} ago` : clockTime(ms, zone.value)}</time
  >`;
}

/** How long something has gone on, counting. */
export function Age({ since }: { since: string | number | null | undefined }): Shown {
  if (since === null || since === undefined) return null;
  const ms = typeof since === 'number' ? since : moment(since);
  return html`<span class="figure">${span(now.value === 0 ? 0 : agoMs(ms))}</span>`;
}

/** A path whose name one reads first. */
export function Path({ path, href }: { path: string; href?: string | undefined }): Shown {
  const place = places.find((one) => path.startsWith(one)) ?? '';
  const { before, name } = splitPath(path.slice(place.length));
  const text = html`<span class="path" title=${visible(path)}
    ><span class="before">${visible(before)}</span><span class="name">${visible(name)}</span></span
  >`;
  return href === undefined ? text : html`<a class="plain" href=${href}>${text}</a>`;
}

/** Something to copy whole: a hash, a key, a command. */
export function Copy({ text, label = 'Copy' }: { text: string; label?: string }): Shown {
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      toast('Copied');
    } catch {
      // without https a browser may not let a page write there
      toast('This browser does not let the page copy: select the text', 'warn');
    }
  };
  return html`<span class="copy"
    ><code>${visible(text)}</code
    ><button type="button" class="small ghost" aria-label="${label}: ${visible(text)}" onClick=${copy}>
      Copy
    </button></span
  >`;
}

/** A button that is out of use while what it began goes on. */
export function Button(props: {
  onClick: () => Promise<void> | void;
  kind?: 'primary' | 'plain' | 'danger' | 'ghost';
  small?: boolean;
  disabled?: boolean;
  label?: string;
  children?: Shown;
}): Shown {
  const [isBusy, setBusy] = useState(false);
  const press = async (): Promise<void> => {
    setBusy(true);
    try {
      await props.onClick();
    } finally {
      setBusy(false);
    }
  };
  return html`<button
    type="button"
    class="${props.kind ?? 'plain'} ${props.small === true ? 'small' : ''}"
    disabled=${isBusy || props.disabled === true}
    aria-busy=${isBusy}
    aria-label=${props.label}
    onClick=${() => void press()}
  >
    ${props.children}
  </button>`;
}

/** Nothing to show, and what that means. */
export function Empty({ title, children }: { title: string; children?: Shown }): Shown {
  return html`<div class="empty"><strong>${title}</strong><span>${children}</span></div>`;
}

/** What could not be had, with what helps. */
export function Trouble({ error }: { error: { message: string; remedy: string } }): Shown {
  return html`<div class="notice bad" role="alert">
    <strong>${visible(error.message)}</strong> <span>${visible(error.remedy)}</span>
  </div>`;
}

/** A part of a screen under its own heading. */
export function Section(props: { title: string; aside?: Shown; children?: Shown; id?: string }): Shown {
  return html`<section class="card" aria-label=${props.title} id=${props.id}>
    <header class="bar">
      <h2>${props.title}</h2>
      ${props.aside}
    </header>
    ${props.children}
  </section>`;
}
