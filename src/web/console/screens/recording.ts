import { useAnswer, post } from '../api.ts';
import { count, counted, playingTime, size, splitPath, visible } from '../format.ts';
import { mayAct } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { status } from '../live/status.ts';
import { idOf, type Recording, type Tar } from '../rows.ts';
import { Button, Copy, Path, Section, StatusChip, Time, Trouble } from '../ui/basics.ts';
import { doing } from '../ui/doing.ts';
import { Facts, Timeline, type Fact, type Step } from '../ui/facts.ts';
import { Player } from '../ui/player.ts';
import { requeueDialog } from '../ui/requeue.ts';

/** A step in a recording's life, as the API tells it. */
interface Life {
  readonly at: string | null;
  readonly what: 'landed' | 'queued' | 'extracted' | 'attempt' | 'stored' | 'receipt';
  readonly [field: string]: unknown;
}

interface RecordingAnswer extends Recording {
  readonly timeline: readonly Life[];
  readonly tries: number;
  readonly maxTries: number;
  readonly remedy: string | null;
  readonly job: { readonly queue: string; readonly id: string; readonly state: string | null };
  /** Where its bytes lie when no file was made of them. */
  readonly source?: { readonly tar: string; readonly offset: number };
  readonly onDisk: { readonly bytes: number; readonly modified: string } | { readonly error: string } | null;
  readonly tarRow: Tar | null;
}

interface Verified {
  readonly ok: boolean;
  readonly sha256: string | null;
  readonly bytes: number;
  readonly ms: number;
  readonly why: string | null;
}

const NAMES: Readonly<Record<Life['what'], string>> = {
  landed: 'Landed',
  queued: 'Queued',
  extracted: 'Extracted',
  attempt: 'Attempt failed',
  stored: 'Stored and verified',
  receipt: 'Receipt',
};

/** One recording: its whole life, its sound, its proof. */
export function RecordingScreen({ path }: { path: string }): Shown {
  const id = path.slice('/recordings/'.length);
  const { SUCCESS, FAILED, PENDING } = status.value?.recordings ?? {};
  const changed = `${SUCCESS} ${FAILED} ${PENDING}`;
  const answer = useAnswer<RecordingAnswer>(`/api/recordings/${id}`, changed).value;
  const found = answer.value;
  if (found === undefined)
    return answer.error === undefined
      ? html`<div class="skeleton" aria-busy="true">Asking …</div>`
      : html`<${Trouble} error=${answer.error} />`;
  return html`<div class="stack wide">
    <${Headline} id=${id} found=${found} />
    <div class="columns">
      <${Section} title="Life"><${Timeline} steps=${found.timeline.map(stepOf)} /></${Section}>
      <${Section} title="Facts"><${Facts} facts=${factsOf(found)} /></${Section}>
    </div>
  </div>`;
}

function Headline({ id, found }: { id: string; found: RecordingAnswer }): Shown {
  const isStored = found.status === 'SUCCESS';
  return html`<section class="card headline" aria-label="Recording">
    <div>
      <${StatusChip} status=${found.status} />
      <h2 class="title"><${Path} path=${found.path} /></h2>
    </div>
    ${isStored && html`<${Player} id=${id} codec=${found.wav?.codec} bytes=${found.size ?? 0} />`}
    <div class="actions">
      ${isStored && html`<a class="button" href="/api/recordings/${id}/content?download=1" download>Download</a>`}
      ${isStored && mayAct && html`<${Button} onClick=${() => verify(id)}>Verify now</${Button}>`}
      ${found.status === 'FAILED' && mayAct && html`<${Button} kind="primary" onClick=${() => requeueDialog({ paths: [found.path] }, 'this recording')}>Re-queue …</${Button}>`}
    </div>
    ${
      found.status === 'FAILED' &&
      html`<div class="notice bad">
        <strong>${visible(found.errorMessage ?? 'It failed.')}</strong>
        <span>${found.remedy ?? ''} Tried ${found.tries} of at most ${found.maxTries} times.</span>
      </div>`
    }
  </section>`;
}

function verify(id: string): Promise<void> {
  return doing(
    'Verify',
    () => post<Verified>(`/api/recordings/${id}/verify`),
    ({ ok, bytes, ms, why }) =>
      ok
        ? `Downloaded ${size(bytes)} and hashed it in ${count(ms)} ms: the same bytes`
        : { tone: 'bad', text: `Not the same: ${why ?? 'the reason is not known'}` },
  );
}

function factsOf(found: RecordingAnswer): readonly Fact[] {
  const { tar } = found;
  return [
    ...storedFacts(found),
    ...soundFacts(found),
    ['Tar', tar !== undefined && html`<${Path} path=${tar} href="/tars/${idOf(tar)}" />`],
    ['Name in the tar', found.member !== undefined && visible(found.member)],
    ['On this host', onDisk(found)],
    ['Job', jobOf(found)],
    ['Path', html`<${Copy} text=${found.path} />`],
  ];
}

function storedFacts({ sha256, key, versionId, etag, size: bytes }: RecordingAnswer): readonly Fact[] {
  return [
    ['SHA-256', sha256 !== undefined && html`<${Copy} text=${sha256} />`],
    ['Key', key !== undefined && html`<${Copy} text=${key} />`],
    ['Version', versionId !== undefined && html`<${Copy} text=${versionId} />`],
    ['ETag', etag !== undefined && html`<code>${etag}</code>`],
    ['Size', bytes !== undefined && `${count(bytes)} bytes (${size(bytes)})`],
  ];
}

function soundFacts({ wav }: RecordingAnswer): readonly Fact[] {
  if (wav === undefined) return [];
  const { durationMs, codec, sampleRate, channels } = wav;
  const parts = [
    codec,
    sampleRate && `${sampleRate} Hz`,
    channels && `${channels} channel${channels === 1 ? '' : 's'}`,
  ];
  return [
    ['Length', durationMs !== undefined && playingTime(durationMs)],
    ['Codec', codec !== undefined && parts.filter(Boolean).join(', ')],
  ];
}

function onDisk({ onDisk: there, source }: RecordingAnswer): Shown {
  if (there !== null)
    return 'bytes' in there
      ? html`${size(there.bytes)}, changed <${Time} at=${there.modified} />`
      : visible(there.error);
  return source === undefined
    ? 'no longer there'
    : `no file of its own: in ${visible(source.tar)}, from byte ${source.offset} on`;
}

function jobOf({ job: { queue, id, state } }: RecordingAnswer): Shown {
  if (state === 'unknown' || state === null) return 'none in the queue';
  return html`<a href="/queues/queue/${encodeURIComponent(queue)}/${encodeURIComponent(id)}">${state}</a>`;
}

function stepOf(life: Life): Step {
  const { at, what } = life;
  return {
    at,
    what:
      what === 'attempt' && typeof life['attempt'] === 'number'
        ? `Attempt ${life['attempt']} failed`
        : NAMES[what],
    tone: what === 'attempt' ? 'bad' : what === 'stored' || what === 'receipt' ? 'good' : 'neutral',
    time: at === null ? html`<span class="quiet">time not noted</span>` : html`<${Time} at=${at} />`,
    said: saidOf(life),
  };
}

const BY: Readonly<Record<string, string>> = {
  event: 'as soon as it was complete',
  rescan: 'found by a rescan',
};

function saidOf({ what, ...life }: Life): Shown {
  const text = (name: string): string => (typeof life[name] === 'string' ? visible(life[name]) : '');
  const figure = (name: string): number | undefined =>
    typeof life[name] === 'number' ? life[name] : undefined;
  const bytes = figure('bytes');
  const parts: Readonly<Record<Life['what'], readonly (string | false)[]>> = {
    landed: [text('tar') !== '' && `in ${splitPath(text('tar')).name}`],
    queued: [BY[text('by')] ?? text('by'), bytes !== undefined && size(bytes)],
    extracted: [
      text('member') !== '' && `as ${text('member')}`,
      figure('recordings') !== undefined &&
        `with ${counted(figure('recordings') ?? 0, 'recording')} in ${count(figure('ms') ?? 0)} ms`,
    ],
    attempt: [text('cause'), text('message')],
    stored: [bytes !== undefined && size(bytes), text('versionId') !== '' && `version ${text('versionId')}`],
    receipt: [`no. ${count(figure('seq') ?? 0)}`, text('key')],
  };
  return parts[what].filter((part) => part !== false && part !== '').join(' · ');
}
