import { html, type Shown } from '../html.ts';
import { Button, Chip, Copy, Empty, Path, Section, StatusChip, Time, Trouble } from '../ui/basics.ts';
import { Calendar } from '../ui/calendar.ts';
import { ask, closeDialog } from '../ui/dialog.ts';
import { Facts, Timeline } from '../ui/facts.ts';
import { Held, Problems } from '../ui/problems.ts';
import { Table } from '../ui/table.ts';
import { toast } from '../ui/toast.ts';

const PROBLEM = {
  id: 'example',
  since: '2026-11-20T08:00:00Z',
  what: 'Storage is unavailable (network): connect ECONNREFUSED 192.0.2.1:443.',
  effect: 'Recordings are not uploaded; they wait, and no retry is spent.',
  remedy: 'Mend what the message names; uploading then resumes automatically.',
  command: 'wavspool doctor',
};

const HOSTILE = '/landing/<img src=x onerror="alert(1)">/\u001B[31m\u202Egnp.wav';

/** Every component in every state, for who works on them and for the tests. */
export function ComponentsScreen(): Shown {
  return html`<div class="stack wide"><${Pressed} /><${Told} /><${Drawn} /></div>`;
}

function Pressed(): Shown {
  return html`<${Section} title="Chips">
      <div class="row">
        ${(['neutral', 'good', 'warn', 'bad', 'info'] as const).map((tone) => html`<${Chip} key=${tone} tone=${tone}>${tone}</${Chip}>`)}
        ${['SUCCESS', 'PENDING', 'FAILED'].map((status) => html`<${StatusChip} key=${status} status=${status} />`)}
      </div>
    </${Section}>
    <${Section} title="Buttons">
      <div class="row">
        ${(['primary', 'plain', 'danger', 'ghost'] as const).map((kind) => html`<${Button} key=${kind} kind=${kind} onClick=${() => toast(`${kind} was pressed`)}>${kind}</${Button}>`)}
        <${Button} disabled onClick=${() => undefined}>disabled</${Button}>
        <${Button} small onClick=${() => toast('A warning', 'warn')}>small</${Button}>
        <${Button}
          onClick=${() =>
            ask(
              'A question?',
              () =>
                html`<div class="stack">
                  <p>What it will do.</p>
                  <div class="actions">
                    <button type="button" class="plain" onClick=${closeDialog}>Cancel</button>
                  </div>
                </div>`,
            )}
          >dialog</${Button}
        >
      </div>
    </${Section}>`;
}

function Told(): Shown {
  return html`<${Section} title="Problems"
      ><${Problems} problems=${[PROBLEM]} />
      <${Held}
        held=${[{ what: 'upload', cause: 'storage', reason: 'storage is unavailable', since: '2026-11-20T08:00:00Z', count: 1234 }]}
    /></${Section}>
    <${Section} title="Notices"
      ><${Trouble} error=${{ message: 'It could not be read.', remedy: 'Try again.' }} />
      <${Empty} title="Nothing is here">And that is well.</${Empty}></${Section}
    >
    <${Section} title="Names"><${Path} path=${HOSTILE} /> <${Copy} text=${HOSTILE} /></${Section}>`;
}

function Drawn(): Shown {
  return html`<div class="columns">
      <${Section} title="Facts"
        ><${Facts}
          facts=${[
            ['Size', '220 KiB'],
            ['Taken', html`<${Time} at="2026-11-20T08:00:00Z" />`],
          ]}
      /></${Section}>
      <${Section} title="Life"
        ><${Timeline}
          steps=${[
            { at: null, what: 'Landed', tone: 'neutral', time: '08:00', said: '' },
            { at: null, what: 'Attempt failed', tone: 'bad', time: '08:01', said: 'the connection was lost' },
            { at: null, what: 'Stored and verified', tone: 'good', time: '08:02', said: '' },
          ]}
      /></${Section}>
    </div>
    <${Section} title="Calendar"
      ><${Calendar}
        days=${14}
        label="An example"
        runs=${[
          { at: new Date().toISOString(), outcome: 'done' },
          { at: new Date(Date.now() - 2 * 86_400_000).toISOString(), outcome: 'failed' },
        ]}
    /></${Section}>
    <${Section} title="Table"
      ><${Table}
        caption="An example"
        rows=${[
          { name: 'one', figure: 1 },
          { name: 'two', figure: 20_000 },
        ]}
        keyOf=${({ name }: { name: string }) => name}
        columns=${[
          { head: 'Name', kind: 'wide', cell: ({ name }: { name: string }) => name },
          {
            head: 'Figure',
            kind: 'figure',
            cell: ({ figure }: { figure: number }) => figure.toLocaleString('en'),
          },
        ]}
    /></${Section}>`;
}
