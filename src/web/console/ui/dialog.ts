import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { html, type Shown } from '../html.ts';

/** What is asked before something is done. */
interface Dialog {
  readonly title: string;
  readonly body: () => Shown;
}

const open = signal<Dialog | undefined>(undefined);

/** Asks in front of everything else; `body` draws what is in it, its buttons too. */
export function ask(title: string, body: () => Shown): void {
  open.value = { title, body };
}

export function closeDialog(): void {
  open.value = undefined;
}

/** The browser's own dialog: it holds the focus, Escape closes it, and the focus goes back to where it was. */
export function Dialogs(): Shown {
  const element = useRef<HTMLDialogElement>(null);
  const dialog = open.value;
  useEffect(() => {
    const shown = element.current;
    if (dialog !== undefined && shown?.open === false) shown.showModal();
    if (dialog === undefined && shown?.open === true) shown.close();
  }, [dialog]);
  return html`<dialog ref=${element} aria-labelledby="dialog-title" onClose=${closeDialog}>
    <h2 id="dialog-title">${dialog?.title}</h2>
    ${dialog === undefined ? null : html`<${dialog.body} />`}
  </dialog>`;
}
