import { render } from 'preact';
import { App } from './app.ts';
import { answerFindKey } from './find-key.ts';
import { openFinder } from './finder.ts';
import { root } from './here.ts';
import { html } from './html.ts';
import { listen } from './live/events.ts';
import { follow } from './live/status.ts';
import { tellInTab } from './live/tell-state.ts';
import { followLinks, place } from './router.ts';
import { screenOf } from './screens/index.ts';

follow();
listen();
followLinks();
tellInTab(() => screenOf(place.value.path).title);
root.replaceChildren();
render(html`<${App} />`, root);
answerFindKey(openFinder);
