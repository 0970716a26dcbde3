import type { HeldWork, Problem } from '../../../operate/health/index.ts';
import { post } from '../api.ts';
import { count, visible } from '../format.ts';
import { mayAct } from '../here.ts';
import { html, type Shown } from '../html.ts';
import { about } from '../sites.ts';
import { doing } from './doing.ts';
import { requeueDialog } from './requeue.ts';
import { Age, Button, Copy, Time } from './basics.ts';

/** What an operator must do something about: since when, what it does, what helps, and the button that does it. */
export function Problems({
  problems,
  site,
}: {
  problems: readonly Problem[];
  /** Whose they are, where those of several stand together. */
  site?: string;
}): Shown {
  return html`<ul class="problems">
    ${problems.map(
      (problem) =>
        html`<li key=${problem.id} class="problem">
          <div class="said">
            <strong>${visible(problem.what)}</strong>
            <p>${visible(problem.effect)}</p>
            <p class="remedy"><b>Remedy</b> ${visible(problem.remedy)}</p>
            ${problem.command !== null && html`<${Copy} text=${problem.command} label="Copy the command" />`}
          </div>
          <div class="aside">
            ${
              problem.since !== null &&
              html`<span class="since"
                >for <${Age} since=${problem.since} /><small><${Time} at=${problem.since} /></small
              ></span>`
            }
            <${Mend} id=${problem.id} command=${problem.command} site=${site} />
          </div>
        </li>`,
    )}
  </ul>`;
}

/** The button that mends it, or leads to where it is mended; none where only the host's owner can. */
function Mend({
  id,
  command,
  site,
}: {
  id: string;
  command: string | null;
  site: string | undefined;
}): Shown {
  if (id === 'recordings-given-up')
    return html`<a class="button" href=${about('/failures', site)}>See the causes</a>
      ${mayAct && html`<${Button} onClick=${() => requeueDialog({ all: true }, site === undefined ? 'every failure' : `every failure at ${site}`, undefined, site)}>Re-queue all …</${Button}>`}`;
  if (id === 'tars-given-up')
    return html`<a class="button" href=${about('/tars?state=failed', site)}>See the tars</a>`;
  if (id.startsWith('landing:'))
    return html`<a class="button" href=${about(`/landing?reason=${encodeURIComponent(id.slice(8))}`, site)}
      >See the files</a
    >`;
  if (id.startsWith('copies-') || id.startsWith('point-in-time'))
    return html`<a class="button" href=${about('/backups', site)}>See the backups</a>`;
  return mayAct ? html`<${Act} id=${id} command=${command} site=${site} />` : null;
}

function Act({ id, command, site }: { id: string; command: string | null; site?: string }): Shown {
  const [, queue] = /^paused:(extract|upload|maintenance)$/.exec(id) ?? [];
  if (queue !== undefined)
    return html`<${Button}
      kind="primary"
      onClick=${() => doing(`Resume ${queue}`, () => post(about('/api/resume', site), { queue }))}
      >Resume</${Button}
    >`;
  const job = /^(?:failed|overdue):(snapshot|mirror) (\S+)/.exec(id);
  if (job !== null && command !== null) {
    const [, kind, name = ''] = job;
    const body = kind === 'mirror' ? { mirror: name } : { database: name };
    return html`<${Button}
      kind="primary"
      onClick=${() => doing(`${kind} ${name}`, () => post(about('/api/backups/run', site), body))}
      >Run now</${Button}
    >`;
  }
  return null;
}

/** What waits, for what, and since when. */
export function Held({ held }: { held: readonly HeldWork[] }): Shown {
  return html`<ul class="held">
    ${held.map(
      ({ what, cause, reason, since, count: waiting }) =>
        html`<li key=${`${what} ${cause}`}>
          <b>${what}</b>
          <span>${visible(reason)}</span>
          <span class="figure">${waiting === null ? '' : count(waiting)}</span>
          <span class="quiet">${since === null ? '' : html`for <${Age} since=${since} />`}</span>
        </li>`,
    )}
  </ul>`;
}
