import { useEffect, useState } from 'preact/hooks';
import { asApiError, post } from '../api.ts';
import { count, counted, visible } from '../format.ts';
import { html, type Shown } from '../html.ts';
import { Button, Trouble } from './basics.ts';
import { ask, closeDialog } from './dialog.ts';
import { about } from '../sites.ts';
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
export function requeueDialog(
  words: FailureWords,
  which: string,
  done: () => void = () => undefined,
  site?: string,
): void {
  const address = about('/api/uploads/requeue', site);
  ask(`Re-queue ${which}?`, () => html`<${Preview} words=${words} done=${done} address=${address} />`);
}

function Preview({
  words,
  done,
  address,
}: {
  words: FailureWords;
  done: () => void;
  address: string;
}): Shown {
  const [would, setWould] = useState<Requeued | undefined>();
  const [error, setError] = useState<{ message: string; remedy: string } | undefined>();
  const [usesCanary, setCanary] = useState(true);
  useEffect(() => {
    post<Requeued>(address, { ...words, dryRun: true }).then(setWould, (fault: unknown) =>
      setError(asApiError(fault)),
    );
  }, []);
  const act = async (): Promise<void> => {
    setError(undefined);
    try {
      const canary = would !== undefined && would.recordings >= MANY && usesCanary ? { canary: CANARY } : {};
      const result = await post<Requeued>(address, { ...words, ...canary });
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
  return html`<div class="stack">
    ${error !== undefined && html`<${Trouble} error=${error} />`}
    ${would === undefined && error === undefined && html`<p class="quiet">Counting …</p>`}
    ${would !== undefined && html`<${Would} would=${would} usesCanary=${usesCanary} setCanary=${setCanary} />`}
    <div class="actions">
      <button type="button" class="plain" onClick=${closeDialog}>Cancel</button>
      <${Button}
        kind="primary"
        disabled=${(would?.recordings ?? 0) + (would?.tars ?? 0) === 0}
        onClick=${act}
      >
        Re-queue ${would === undefined ? '' : visible(count(would.recordings + would.tars))}
      </${Button}>
    </div>
  </div>`;
}

/** How much that would be; where it is much, whether one is tried first. */
function Would(props: { would: Requeued; usesCanary: boolean; setCanary: (uses: boolean) => void }): Shown {
  const { would, usesCanary, setCanary } = props;
  return html`<p>
      This re-queues <b>${counted(would.recordings, 'recording')}</b> and
      <b>${counted(would.tars, 'tar')}</b>, each with a fresh budget of retries. It is safe to repeat.
    </p>
    ${
      would.recordings >= MANY &&
      html`<label class="check"
        ><input type="checkbox" checked=${usesCanary} onChange=${() => setCanary(!usesCanary)} /> Try one
        first, and go on only if it is uploaded</label
      >`
    }`;
}
