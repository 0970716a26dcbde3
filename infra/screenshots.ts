import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { idOf } from '../src/web/console/rows.ts';
import { launchChromium, startConsole, TOKEN } from '../test/support/console.ts';
import {
  alive,
  backAgain,
  failing,
  figures,
  heldByDisk,
  outage,
  paused,
  pending,
  untaken,
  uploaded,
} from '../test/support/console-scenes.ts';
import { setup, teardown } from '../test/support/services.ts';

// Pictures of the console over a site that is made up: node infra/screenshots.ts DIRECTORY [all [WIDTH …]]. Those of the documents are
// three; with `all` every screen in every state, at three widths or those that are named, light and dark.

const [directory = 'docs/screenshots', which, ...widths] = process.argv.slice(2);
const isAll = which === 'all';
const WIDTHS = widths.length > 0 ? widths.map(Number) : [1440, 1024, 390];

const LISTS = {
  now: '/',
  failures: '/failures',
  recordings: '/recordings',
  tars: '/tars',
  landing: '/landing',
  audit: '/audit',
  backups: '/backups',
  system: '/system',
  events: '/events',
} as const;
type Screens = Readonly<Record<string, string>>;

await setup();
const rig = await startConsole();
const browser = await launchChromium();
const first: Screens = { now: '/' };

/** Each state, and the screens that look otherwise in it; each adds to what was before. */
const STATES: Readonly<Record<string, () => Promise<Screens>>> = {
  fresh: () => alive(rig).then(() => LISTS),
  failing: async () => {
    await figures(rig);
    const stored = await uploaded(rig);
    await pending(rig);
    const failed = await failing(rig);
    const tar = join(rig.settings.paths.incoming, 'crm/2026/11/28/calls-0900.tar');
    return {
      ...LISTS,
      recording: `/recordings/${idOf(stored[1] ?? '')}`,
      'failed-recording': `/recordings/${idOf(failed[0] ?? '')}`,
      tar: `/tars/${idOf(tar)}`,
      components: '/components',
    };
  },
  outage: () => outage(rig).then(() => ({ ...first, failures: '/failures', system: '/system' })),
  paused: async () => {
    await backAgain(rig);
    await paused(rig);
    return { ...first, system: '/system' };
  },
  held: () => heldByDisk(rig).then(() => first),
  stale: () => Promise.resolve({ ...first, recordings: '/recordings' }),
};

try {
  await mkdir(directory, { recursive: true });
  for (const [state, begin] of Object.entries(STATES)) {
    if (!isAll && state !== 'failing' && state !== 'fresh') continue;
    const screens = await begin();
    if (isAll) await takeAll(state, screens);
    else if (state === 'failing')
      await take(1440, 'light', screensOfDocuments(screens), (name) => name, state);
  }
} finally {
  await browser.close();
  await rig[Symbol.asyncDispose]();
  await teardown();
}

function screensOfDocuments(screens: Screens): Screens {
  return Object.fromEntries(['now', 'failures', 'recording'].map((name) => [name, screens[name] ?? '/']));
}

async function takeAll(state: string, screens: Screens): Promise<void> {
  for (const width of WIDTHS)
    for (const scheme of ['light', 'dark'] as const)
      await take(width, scheme, screens, (name) => `${state}-${name}-${width}-${scheme}`, state);
}

async function take(
  width: number,
  colorScheme: 'light' | 'dark',
  screens: Screens,
  named: (name: string) => string,
  state: string,
): Promise<void> {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme,
    locale: 'en-GB',
  });
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  page.on('pageerror', (error) => console.error(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && state !== 'stale') console.error(message.text());
  });
  await page.goto(`${rig.address}/?token=${TOKEN}`);
  for (const [name, address] of Object.entries(screens)) {
    await asInState(state);
    if (state === 'stale') await page.route('**/api/events', (route) => route.abort()); // an open stream would go on
    await page.goto(rig.address + address);
    await page.locator('main .stack, main .empty').first().waitFor();
    await page.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => undefined); // the stream of events never ends
    if (state === 'stale') await silenced(page);
    await page.screenshot({ path: join(directory, `${named(name)}.png`), fullPage: isAll });
    await page.unrouteAll();
  }
  await context.close();
}

/** What goes by itself after a while is said again. */
async function asInState(state: string): Promise<void> {
  await alive(rig);
  if (state === 'held') await heldByDisk(rig);
  if (state !== 'fresh') await untaken(rig);
}

/** The server does not answer any more, and the page has noticed. */
async function silenced(page: Page): Promise<void> {
  await page.route('**/api/**', (route) => route.abort());
  await page.getByRole('alert').waitFor();
}
