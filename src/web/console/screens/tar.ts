import { useAnswer, post } from '../api.ts';
import { count, size, visible } from '../format.ts';
import { mayAct } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { status } from '../live/status.ts';
import type { Page, Recording, Tar } from '../rows.ts';
import { place } from '../router.ts';
import { Button, Chip, Copy, Path, Section, Time, Trouble } from '../ui/basics.ts';
import { doing } from '../ui/doing.ts';
import { Facts } from '../ui/facts.ts';
import { Pager } from '../ui/fields.ts';
import { requeueDialog } from '../ui/requeue.ts';
import { recordingColumns } from '../ui/recording-columns.ts';
import { Table } from '../ui/table.ts';

interface TarAnswer {
  readonly id: string;
  readonly path: string;
  readonly extraction: Tar | null;
  readonly failure: {
    readonly cause: string;
    readonly errorMessage: string;
    readonly retryCount: number;
    readonly timestamp: string;
  } | null;
  readonly remedy: string | null;
  readonly onDisk: { readonly bytes: number; readonly modified: string } | { readonly error: string } | null;
  readonly progress: {
    readonly PENDING: number;
    readonly SUCCESS: number;
    readonly retrying: number;
    readonly givenUp: number;
  };
  readonly recordings: Page<Recording>;
}

/** One tar: what was in it, what became of it, what vouches for it. */
export function TarScreen({ path }: { path: string }): Shown {
  const id = path.slice('/tars/'.length);
  const after = place.value.query.get('after');
  const changed = `${status.value?.recordings?.SUCCESS} ${status.value?.recordings?.FAILED}`;
  const answer = useAnswer<TarAnswer>(
    `/api/tars/${id}${after === null ? '' : `?after=${after}`}`,
    changed,
  ).value;
  const found = answer.value;
  if (found === undefined)
    return answer.error === undefined
      ? html`<div class="skeleton" aria-busy="true">Asking …</div>`
      : html`<${Trouble} error=${answer.error} />`;
  const { extraction, failure, progress } = found;
  return html`<div class="stack wide">
    <section class="card headline" aria-label="Tar">
      <div>
        ${failure !== null ? html`<${Chip} tone="bad">failed: ${failure.cause}</${Chip}>` : html`<${Chip} tone="good">extracted</${Chip}>`}
        <h2 class="title"><${Path} path=${found.path} /></h2>
      </div>
      <div class="actions">
        ${
          mayAct &&
          failure === null &&
          html`<${Button}
            onClick=${() =>
              doing(
                'Extract again',
                () => post('/api/ingest', { tars: [found.path] }),
                (result) =>
                  JSON.stringify(result).includes('"queued"')
                    ? 'Queued for extraction'
                    : 'Known already: the same bytes were extracted',
              )}
            >Extract again</${Button}
          >`
        }
        ${mayAct && (failure !== null || progress.givenUp > 0) && html`<${Button} kind="primary" onClick=${() => requeueDialog({ tar: found.path }, 'this tar and what failed of it')}>Re-queue …</${Button}>`}
      </div>
      ${failure !== null && html`<div class="notice bad"><strong>${visible(failure.errorMessage)}</strong> <span>${found.remedy ?? ''}</span></div>`}
    </section>
    <div class="columns">
      <${Section} title="Facts"><${Facts} facts=${factsOf(found)} /></${Section}>
      <${Section} title="Receipts">
        ${
          (extraction?.receipts ?? []).length === 0
            ? html`<p class="quiet">
                None yet. A receipt is written when every recording of the tar is in the bucket.
              </p>`
            : html`<${Facts}
                facts=${(extraction?.receipts ?? []).map(({ seq, key, sha256 }) => [`No. ${count(seq)}`, html`<${Copy} text=${key} /><${Copy} text=${sha256} />`] as const)}
              />`
        }
      </${Section}>
    </div>
    <${Section} title="Recordings">
      <${Table}
        caption="Recordings of this tar"
        rows=${found.recordings.rows}
        keyOf=${(row: Recording) => row.path}
        columns=${[recordingColumns.recording, recordingColumns.state, recordingColumns.length, recordingColumns.size, recordingColumns.changed]}
      />
      <${Pager} next=${found.recordings.next} shown=${`${count(found.recordings.rows.length)} shown`} />
    </${Section}>
  </div>`;
}

function factsOf({ extraction, progress, onDisk, path }: TarAnswer): readonly (readonly [string, Shown])[] {
  return [
    ['SHA-256', extraction?.sha256 !== undefined && html`<${Copy} text=${extraction.sha256} />`],
    ['Extracted', extraction !== null && html`<${Time} at=${extraction.timestamp} />`],
    ['Last modified', extraction?.mtimeMs !== undefined && html`<${Time} at=${extraction.mtimeMs} />`],
    ['Size', extraction?.size !== undefined && `${count(extraction.size)} bytes (${size(extraction.size)})`],
    [
      'Recordings',
      extraction?.recordings !== undefined &&
        `${count(extraction.recordings)}: ${count(progress.SUCCESS)} uploaded, ${count(progress.PENDING)} pending, ${count(progress.retrying + progress.givenUp)} failed`,
    ],
    ['Skipped members', extraction?.skipped !== undefined && count(extraction.skipped)],
    ['Refused members', extraction?.refused !== undefined && count(extraction.refused)],
    [
      'Shared with other tars',
      extraction?.shared !== undefined && extraction.shared.length > 0 && count(extraction.shared.length),
    ],
    [
      'On this host',
      onDisk === null
        ? 'no longer there'
        : 'bytes' in onDisk
          ? html`${size(onDisk.bytes)}, changed <${Time} at=${onDisk.modified} />`
          : visible(onDisk.error),
    ],
    ['Path', html`<${Copy} text=${path} />`],
  ];
}
