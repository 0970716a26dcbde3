import { useEffect, useState } from 'preact/hooks';
import { asApiError, post } from '../api.ts';
import { count, counted, visible } from '../format.ts';
import { html, type Shown } from '../html.ts';
import { Button, Trouble } from './basics.ts';
import { ask, closeDialog } from './dialog.ts';
import { toast } from './toast.ts';

/** Which failures, as the API takes it. */
export interface FailureWords {
  readonly all?: true;
  readonly paths?: readonly string[];
  readonly cause?: string;
  readonly match?: string;
  readonly tar?: string;
}

interface Requeued {
  readonly recordings: number;
  readonly tars: number;
  readonly canary?: number;
  readonly failed?: readonly string[];
}

const CANARY = 1;
/** From so many on one is tried first. */
const MANY = 10;

/** Shows what would be re-queued, asks once, tries one first where there are many, and tells the outcome. */
export function requeueDialog(words: FailureWords, which: string, done: () => void = () => undefined): void {
  ask(`Re-queue ${which}?`, () => html`<${Preview} words=${words} done=${done} />`);
}

function Preview({ words, done }: { words: FailureWords; done: () => void }): Shown {
  const [would, setWould] = useState<Requeued | undefined>();
  const [error, setError] = useState<{ message: string; remedy: string } | undefined>();
  const [usesCanary, setCanary] = useState(true);
  useEffect(() => {
    post<Requeued>('/api/uploads/requeue', { ...words, dryRun: true }).then(setWould, (fault: unknown) =>
      setError(asApiError(fault)),
    );
  }, []);
  const act = async (): Promise<void> => {
    setError(undefined);
    try {
      const canary = would !== undefined && would.recordings >= MANY && usesCanary ? { canary: CANARY } : {};
      const result = await post<Requeued>('/api/uploads/requeue', { ...words, ...canary });
      const lost = result.failed ?? [];
      if (lost.length > 0) {
        setError({
          message: `The one tried first failed again: ${lost[0] ?? ''}.`,
          remedy: 'The others stay as they are. See why on its page, mend it, then re-queue.',
        });
        return;
      }
      closeDialog();
      toast(`Re-queued ${counted(result.recordings, 'recording')} and ${counted(result.tars, 'tar')}`);
      done();
    } catch (fault) {
      setError(asApiError(fault));
    }
  };
  const isNothing = would !== undefined && would.recordings + would.tars === 0;
  return html`<div class="stack">
    ${error !== undefined && html`<${Trouble} error=${error} />`}
    ${would === undefined && error === undefined && html`<p class="quiet">Counting …</p>`}
    ${
      would !== undefined &&
      html`<p>
        This re-queues <b>${counted(would.recordings, 'recording')}</b> and
        <b>${counted(would.tars, 'tar')}</b>, each with a fresh budget of retries. It is safe to repeat.
      </p>`
    }
    ${
      would !== undefined &&
      would.recordings >= MANY &&
      html`<label class="check"
        ><input type="checkbox" checked=${usesCanary} onChange=${() => setCanary(!usesCanary)} /> Try one
        first, and go on only if it is uploaded</label
      >`
    }
    <div class="actions">
      <button type="button" class="plain" onClick=${closeDialog}>Cancel</button>
      <${Button} kind="primary" disabled=${would === undefined || isNothing} onClick=${act}>
        Re-queue ${would === undefined ? '' : visible(count(would.recordings + would.tars))}
      </${Button}>
    </div>
  </div>`;
}
