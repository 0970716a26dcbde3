import { useState } from 'preact/hooks';
import { asApiError, post } from '../api.ts';
import { counted } from '../format.ts';
import { html, type Shown } from '../html.ts';
import { status } from '../live/status.ts';
import { Button, Trouble } from './basics.ts';
import { ask, closeDialog } from './dialog.ts';

/** Asks why, stops taking work, and tells when nothing is in flight any more. */
export function drainDialog(): void {
  ask('Drain?', () => html`<${Drain} />`);
}

function Drain(): Shown {
  const [reason, setReason] = useState('maintenance of the host');
  const [state, setState] = useState<'asked' | 'draining' | 'drained'>('asked');
  const [error, setError] = useState<{ message: string; remedy: string } | undefined>();
  const act = async (): Promise<void> => {
    setError(undefined);
    setState('draining');
    try {
      await post('/api/drain', { reason });
      setState('drained');
    } catch (fault) {
      setState('asked');
      setError(asApiError(fault));
    }
  };
  return html`<form
    class="stack"
    onSubmit=${(event: Event) => {
      event.preventDefault();
      if (state === 'asked') void act();
    }}
  >
    ${error !== undefined && html`<${Trouble} error=${error} />`}
    <p>
      This pauses what is not paused yet and waits until nothing is in flight. Then every role can be stopped,
      and nothing is done twice. What lands meanwhile waits. Resume on the first screen.
    </p>
    <label class="field"
      ><span>Reason</span
      ><input
        required
        value=${reason}
        disabled=${state !== 'asked'}
        onInput=${(event: Event) => setReason((event.currentTarget as HTMLInputElement).value)}
    /></label>
    <p role="status">${said(state)}</p>
    <div class="actions">
      <button type="button" class="plain" onClick=${closeDialog}>
        ${state === 'asked' ? 'Cancel' : 'Close'}
      </button>
      ${state !== 'drained' && html`<${Button} kind="danger" disabled=${reason.trim() === '' || state === 'draining'} onClick=${act}>Drain</${Button}>`}
    </div>
  </form>`;
}

function said(state: 'asked' | 'draining' | 'drained'): string {
  if (state === 'asked') return '';
  if (state === 'drained') return 'Drained: nothing is in flight.';
  const queues = Object.values(status.value?.queues ?? {});
  const active = queues.reduce((sum, queue) => sum + (queue?.active ?? 0), 0);
  return `Paused. ${counted(active, 'job')} in flight …`;
}
