import { signal } from '@preact/signals';
import { html, type Shown } from '../html.ts';

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: 'good' | 'warn' | 'bad';
}

const toasts = signal<readonly Toast[]>([]);
let last = 0;
const SHOWN_MS = 6000;

/** Says in passing what became of something; what went wrong stays until it is closed. */
export function toast(text: string, tone: Toast['tone'] = 'good'): void {
  last += 1;
  const one = { id: last, text, tone };
  toasts.value = [...toasts.value.slice(-3), one];
  if (tone !== 'bad') setTimeout(() => close(one.id), SHOWN_MS);
}

function close(gone: number): void {
  toasts.value = toasts.value.filter(({ id }) => id !== gone);
}

export function Toasts(): Shown {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map(({ id, text, tone }) => html`<div key=${id} class="toast ${tone}"><span>${text}</span>${tone === 'bad' && html`<button type="button" class="small ghost" onClick=${() => close(id)}>Close</button>`}</div>`)}
  </div>`;
}
