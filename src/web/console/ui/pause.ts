import { useState } from 'preact/hooks';
import { asApiError, post } from '../api.ts';
import { html, type Shown } from '../html.ts';
import { Button, Trouble } from './basics.ts';
import { ask, closeDialog } from './dialog.ts';
import { doing } from './doing.ts';
import { toast } from './toast.ts';

export type Pausable = 'extract' | 'upload' | 'maintenance';

/** Asks why and for how long, then stops taking work. */
export function pauseDialog(queue: Pausable): void {
  ask(`Pause ${queue}?`, () => html`<${Why} queue=${queue} />`);
}

export async function resume(queue: Pausable): Promise<void> {
  await doing(
    `Resume ${queue}`,
    () => post('/api/resume', { queue }),
    () => `${queue} goes on`,
  );
}

function Why({ queue }: { queue: Pausable }): Shown {
  const [reason, setReason] = useState('');
  const [lasts, setLasts] = useState('');
  const [error, setError] = useState<{ message: string; remedy: string } | undefined>();
  const act = async (): Promise<void> => {
    try {
      await post('/api/pause', { queue, reason, ...(lasts !== '' && { for: lasts }) });
      closeDialog();
      toast(`${queue} is paused`, 'warn');
    } catch (fault) {
      setError(asApiError(fault));
    }
  };
  return html`<form
    class="stack"
    onSubmit=${(event: Event) => {
      event.preventDefault();
      void act();
    }}
  >
    ${error !== undefined && html`<${Trouble} error=${error} />`}
    <p>
      What runs goes on; nothing new is taken. It holds across restarts, and everybody who looks sees why.
    </p>
    <label class="field"
      ><span>Reason</span
      ><input
        required
        value=${reason}
        onInput=${(event: Event) => setReason((event.currentTarget as HTMLInputElement).value)}
    /></label>
    <label class="field"
      ><span>For</span
      ><select
        value=${lasts}
        onChange=${(event: Event) => setLasts((event.currentTarget as HTMLSelectElement).value)}
      >
        <option value="">until an operator resumes it</option>
        <option value="30m">30 minutes</option>
        <option value="2h">2 hours</option>
        <option value="12h">12 hours</option>
        <option value="1d">1 day</option>
      </select></label
    >
    <div class="actions">
      <button type="button" class="plain" onClick=${closeDialog}>Cancel</button>
      <${Button} kind="danger" disabled=${reason.trim() === ''} onClick=${act}>Pause ${queue}</${Button}>
    </div>
  </form>`;
}
