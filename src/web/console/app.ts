import { useEffect, useRef } from 'preact/hooks';
import { clockTime } from './format.ts';
import { mayAct, switchZone, zone } from './here.ts';
import { html, type Shown } from './html.ts';
import { silence, staleSince, status } from './live/status.ts';
import { mood } from './live/tell-state.ts';
import { place } from './router.ts';
import { SCREENS, screenOf } from './screens/index.ts';
import { Dialogs } from './ui/dialog.ts';
import { Finder, openFinder } from './finder.ts';
import { chosenSite, isAll } from './sites.ts';
import { SiteChoice } from './ui/site-choice.ts';
import { Toasts } from './ui/toast.ts';

const WORDS = {
  unknown: 'no answer',
  good: 'all well',
  warn: 'needs attention',
  bad: 'not working',
} as const;

/** The frame around every screen. */
export function App(): Shown {
  const screen = screenOf(place.value.path);
  const main = useRef<HTMLElement>(null);
  const shown = useRef(screen);
  useEffect(() => {
    if (shown.current !== screen) main.current?.focus(); // a reader hears that the screen is another
    shown.current = screen;
  }, [screen]);
  return html`<div class="frame ${staleSince.value === undefined ? '' : 'stale'}">
    <a class="skip" href="#main">Skip to the screen</a>
    <${Side} path=${place.value.path} />
    <div class="page">
      <${Stale} />
      <main id="main" ref=${main} tabindex="-1">
        <header class="bar top">
          <h1>${screen.title}</h1>
          <div class="tools">
            <${SiteChoice} />
            <button type="button" class="plain find" onClick=${() => openFinder()}>
              <span>Find a recording, tar, key or cause</span><kbd>/</kbd>
            </button>
            <button
              type="button"
              class="plain"
              onClick=${switchZone}
              aria-label="Times in ${zone.value === 'UTC' ? 'UTC' : 'local time'}: switch"
            >
              ${zone.value === 'UTC' ? 'UTC' : 'Local'}
            </button>
          </div>
        </header>
        <${screen.view} key=${`${place.value.path} ${chosenSite.value}`} path=${place.value.path} />
      </main>
    </div>
    <${Finder} />
    <${Dialogs} />
    <${Toasts} />
  </div>`;
}

function Side({ path }: { path: string }): Shown {
  const uses = status.value?.uses;
  const screens = SCREENS.filter(
    ({ menu, needs }) => menu && (needs === undefined || uses?.[needs] !== false),
  );
  const failures = (status.value?.recordings?.FAILED ?? 0) + (status.value?.tars?.failed ?? 0);
  const current = screenOf(path);
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current // on a narrow screen the list is longer than the row that it stands in
      ?.querySelector('[aria-current]')
      ?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [current]);
  return html`<nav class="side" aria-label="Screens">
    <a class="brand" href="/"
      ><span class="mark ${mood()}" aria-hidden="true"></span>
      <span><b>wavspool</b><small>${isAll.value ? 'all sites' : chosenSite.value}</small></span></a
    >
    <span class="state ${mood()}" role="status">${WORDS[mood()]}</span>
    <ul ref=${list}>
      ${screens.map(
        (screen) =>
          html`<li key=${screen.address}>
            <a
              href=${screen.address}
              aria-current=${(screen.part ?? screen.address) === (current.part ?? current.address) ? 'page' : undefined}
              >${screen.title}${
                screen.address === '/failures' &&
                failures > 0 &&
                html`<span class="badge">${failures > 999 ? '999+' : failures}</span>`
              }</a
            >
          </li>`,
      )}
    </ul>
    <div class="foot">
      ${uses?.redis !== false && html`<a href="/queues">Bull Board</a>`}
      ${!mayAct && html`<span class="chip neutral">read only</span>`}
      <form method="post" action="/logout"><button class="ghost small">Log out</button></form>
    </div>
  </nav>`;
}

/** What is shown may be old: since when, and why. */
function Stale(): Shown {
  const since = staleSince.value;
  const loading = status.value === undefined && silence.value !== undefined;
  if (since === undefined && !loading) return null;
  const told =
    since === undefined
      ? ''
      : ` What is shown is of ${clockTime(since, zone.value)}${zone.value === 'UTC' ? ' UTC' : ''}.`;
  return html`<div class="notice bad" role="alert">
    <strong>${silence.value ?? 'The server does not answer.'}</strong>${told} It is asked again every 2 s.
  </div>`;
}
