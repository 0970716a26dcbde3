import { html, type Shown } from '../html.ts';

/** A thing that is known, by its name; not shown without a value. */
export type Fact = readonly [name: string, value: Shown];

/** What is known of one thing, name by name; what is not known is left out. */
export function Facts({ facts }: { facts: readonly Fact[] }): Shown {
  return html`<dl class="facts">
    ${facts
      .filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== false)
      .map(
        ([name, value]) =>
          html`<div key=${name}>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
  </dl>`;
}

/** A step in the life of something. */
export interface Step {
  readonly at: string | null;
  readonly what: string;
  readonly tone: 'good' | 'bad' | 'neutral';
  readonly time: Shown;
  readonly said: Shown;
}

/** A life from the first step to the last. */
export function Timeline({ steps }: { steps: readonly Step[] }): Shown {
  return html`<ol class="timeline">
    ${steps.map(
      ({ what, tone, time, said }, at) =>
        html`<li key=${at} class=${tone}>
          <span class="when">${time}</span>
          <div><b>${what}</b> <span>${said}</span></div>
        </li>`,
    )}
  </ol>`;
}
