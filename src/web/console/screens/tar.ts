import { useAnswer } from '../api.ts';
import { count, size, visible } from '../format.ts';
import { mayAct } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { status } from '../live/status.ts';
import type { Page, Recording, Tar } from '../rows.ts';
import { place } from '../router.ts';
import { Button, Chip, Copy, Path, Section, Time, Trouble } from '../ui/basics.ts';
import { Facts, type Fact } from '../ui/facts.ts';
import { Pager } from '../ui/fields.ts';
import { requeueDialog } from '../ui/requeue.ts';
import { recordingColumns } from '../ui/recording-columns.ts';
import { NotTaken, Versions, type LeftOut, type Version } from '../ui/tar-parts.ts';
import { Table } from '../ui/table.ts';
import { takeTar } from '../ui/take.ts';

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
  readonly leftOut: LeftOut | null;
  readonly versions: readonly Version[];
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
  const { extraction } = found;
  return html`<div class="stack wide">
    <${Headline} found=${found} />
    <div class="columns">
      <${Section} title="Facts"><${Facts} facts=${factsOf(found)} /></${Section}>
      <${Section} title="Versions and receipts"><${Versions} versions=${found.versions} /></${Section}>
    </div>
    <${NotTaken}
      skipped=${extraction?.skipped ?? 0}
      refused=${extraction?.refused ?? 0}
      leftOut=${found.leftOut}
      failed="/recordings?${new URLSearchParams({ tar: found.path, cause: 'refused' })}"
    />
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

function Headline({ found: { path, failure, progress, remedy } }: { found: TarAnswer }): Shown {
  const mayRequeue = mayAct && (failure !== null || progress.givenUp > 0);
  return html`<section class="card headline" aria-label="Tar">
    <div>
      ${failure !== null ? html`<${Chip} tone="bad">failed: ${failure.cause}</${Chip}>` : html`<${Chip} tone="good">extracted</${Chip}>`}
      <h2 class="title"><${Path} path=${path} /></h2>
    </div>
    <div class="actions">
      ${mayAct && failure === null && html`<${Button} onClick=${() => takeTar('Extract again', path)}>Extract again</${Button}>`}
      ${mayRequeue && html`<${Button} kind="primary" onClick=${() => requeueDialog({ tar: path }, 'this tar and what failed of it')}>Re-queue …</${Button}>`}
    </div>
    ${failure !== null && html`<div class="notice bad"><strong>${visible(failure.errorMessage)}</strong> <span>${remedy ?? ''}</span></div>`}
  </section>`;
}

function factsOf({ extraction, progress, onDisk, path }: TarAnswer): readonly Fact[] {
  return [
    ...(extraction === null ? [] : [...tarFacts(extraction), ...memberFacts(extraction, progress)]),
    ['On this host', whatIsOnDisk(onDisk)],
    ['Path', html`<${Copy} text=${path} />`],
  ];
}

function tarFacts({ sha256, timestamp, mtimeMs, size: bytes }: Tar): readonly Fact[] {
  return [
    ['SHA-256', sha256 !== undefined && html`<${Copy} text=${sha256} />`],
    ['Extracted', html`<${Time} at=${timestamp} />`],
    ['Last modified', mtimeMs !== undefined && html`<${Time} at=${mtimeMs} />`],
    ['Size', bytes !== undefined && `${count(bytes)} bytes (${size(bytes)})`],
  ];
}

function memberFacts(
  { recordings, skipped, refused, shared = [] }: Tar,
  { SUCCESS, PENDING, retrying, givenUp }: TarAnswer['progress'],
): readonly Fact[] {
  return [
    [
      'Recordings',
      recordings !== undefined &&
        `${count(recordings)}: ${count(SUCCESS)} uploaded, ${count(PENDING)} pending, ${count(retrying + givenUp)} failed`,
    ],
    ['Skipped members', skipped !== undefined && count(skipped)],
    ['Refused members', refused !== undefined && count(refused)],
    ['Shared with other tars', shared.length > 0 && count(shared.length)],
  ];
}

function whatIsOnDisk(onDisk: TarAnswer['onDisk']): Shown {
  if (onDisk === null) return 'no longer there';
  return 'bytes' in onDisk
    ? html`${size(onDisk.bytes)}, changed <${Time} at=${onDisk.modified} />`
    : visible(onDisk.error);
}
