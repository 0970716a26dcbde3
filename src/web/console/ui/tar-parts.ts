import { count, counted, size, visible } from '../format.ts';
import { html, type Shown } from '../html.ts';
import { Chip, Copy, Section, Time } from './basics.ts';
import { Table } from './table.ts';

interface Member {
  readonly name: string;
  readonly reason: string | null;
}

/** What of a tar was not taken, as the API tells it. */
export interface LeftOut {
  readonly skipped: readonly Member[];
  readonly refused: readonly Member[];
  readonly notes: readonly string[];
}

export interface Version {
  readonly sha256: string;
  readonly at: string | null;
  readonly recordings: number | null;
  readonly bytes: number | null;
  readonly isPresent: boolean;
  readonly receipt: { readonly seq: number; readonly key: string; readonly sha256: string } | null;
}

/** The members that are no recordings, or may be none, each with its reason. */
export function NotTaken(props: {
  readonly skipped: number;
  readonly refused: number;
  readonly leftOut: LeftOut | null;
  /** Where the rows of the refused ones are listed. */
  readonly failed: string;
}): Shown {
  const { skipped, refused, leftOut, failed } = props;
  const { notes = [] } = leftOut ?? {};
  if (skipped + refused === 0 && notes.length === 0) return null;
  const members = leftOut === null ? [] : membersOf(leftOut);
  const untold = skipped + refused - members.length;
  return html`<${Section}
    title="Not taken"
    aside=${refused > 0 && html`<a href=${failed}>${counted(refused, 'refused member')}</a>`}
  >
    ${
      members.length > 0 &&
      html`<${Table}
        caption="Members that were not taken"
        rows=${members}
        keyOf=${({ what, name }: Member & { what: string }) => `${what} ${name}`}
        columns=${[
          {
            head: 'Member',
            kind: 'wide',
            cell: ({ name }: Member) => html`<span class="path">${visible(name)}</span>`,
          },
          {
            head: 'State',
            kind: 'tight',
            cell: ({ what }: { what: string }) =>
              html`<${Chip} tone=${what === 'refused' ? 'bad' : 'neutral'}>${what}</${Chip}>`,
          },
          { head: 'Reason', kind: 'wide', cell: ({ reason }: Member) => visible(reason ?? '') },
        ]}
      />`
    }
    ${untold > 0 && html`<p class="quiet">${leftOut === null ? 'The events of that time are no longer kept: ' : ''}${counted(untold, 'member')} ${leftOut === null ? `not taken, ${count(refused)} of them refused` : 'more'}.</p>`}
    ${notes.map((note) => html`<p key=${note} class="quiet">The tar is odd: ${visible(note)}.</p>`)}
  </${Section}>`;
}

function membersOf({ refused, skipped }: LeftOut): readonly (Member & { what: 'refused' | 'skipped' })[] {
  return [
    ...refused.map((member) => ({ ...member, what: 'refused' as const })),
    ...skipped.map((member) => ({ ...member, what: 'skipped' as const })),
  ];
}

/** What lay at this path, the newest first, and what vouches for it. */
export function Versions({ versions }: { versions: readonly Version[] }): Shown {
  if (versions.length === 0) return html`<p class="quiet">Nothing was extracted yet.</p>`;
  return html`<ol class="versions">
    ${versions.map(
      ({ sha256, at, recordings, bytes, isPresent, receipt }) =>
        html`<li key=${sha256}>
          <p>
            ${versions.length > 1 && html`<${Chip} tone=${isPresent ? 'good' : 'neutral'}>${isPresent ? 'present' : 'earlier'}</${Chip}> `}
            ${at === null ? 'extracted earlier than is noted' : html`extracted <${Time} at=${at} />`}${recordings !== null && `, ${counted(recordings, 'recording')}`}${bytes !== null && `, ${size(bytes)}`}
          </p>
          <dl class="facts">
            <div>
              <dt>SHA-256</dt>
              <dd><${Copy} text=${sha256} /></dd>
            </div>
            <div>
              <dt>Receipt${receipt !== null && ` no. ${count(receipt.seq)}`}</dt>
              <dd>
                ${
                  receipt === null
                    ? html`<span class="quiet"
                        >${isPresent ? 'none yet: it is written when every recording is in the bucket' : 'none'}</span
                      >`
                    : html`<${Copy} text=${receipt.key} /><${Copy} text=${receipt.sha256} />`
                }
              </dd>
            </div>
          </dl>
        </li>`,
    )}
  </ol>`;
}
