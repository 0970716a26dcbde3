import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { idOf } from '../src/web/console/rows.ts';
import { launchChromium, startConsole, TOKEN } from '../test/support/console.ts';
import { alive, failing, figures, pending, untaken, uploaded } from '../test/support/console-scenes.ts';
import { setup, teardown } from '../test/support/services.ts';

// Pictures of the console over a site that is made up: node infra/screenshots.ts DIRECTORY [all]. Those of the documents are three;
// with `all` every screen at three widths, light and dark.

const [directory = 'docs/screenshots', which] = process.argv.slice(2);
const WIDTHS = [1440, 1024, 390] as const;
const SCHEMES = ['light', 'dark'] as const;

await setup();
const rig = await startConsole();
const browser = await launchChromium();
if (browser === undefined) throw new Error('there is no Chromium here: apt-get install chromium');
try {
  await alive(rig);
  await figures(rig);
  const stored = await uploaded(rig);
  await pending(rig);
  const failed = await failing(rig);
  await untaken(rig);
  const screens: Readonly<Record<string, string>> = {
    now: '/',
    failures: '/failures',
    recordings: '/recordings',
    recording: `/recordings/${idOf(stored[1] ?? '')}`,
    'failed-recording': `/recordings/${idOf(failed[0] ?? '')}`,
    tars: '/tars',
    tar: `/tars/${idOf(join(rig.settings.paths.incoming, 'crm/2026/11/28/calls-0900.tar'))}`,
    landing: '/landing',
    backups: '/backups',
    system: '/system',
    events: '/events',
    components: '/components',
  };
  await mkdir(directory, { recursive: true });
  const wanted = which === 'all' ? Object.keys(screens) : ['now', 'failures', 'recording'];
  for (const width of which === 'all' ? WIDTHS : [1440]) {
    for (const colorScheme of which === 'all' ? SCHEMES : (['light'] as const)) {
      const context = await browser.newContext({
        viewport: { width, height: 900 },
        colorScheme,
        locale: 'en-GB',
      });
      const page = await context.newPage();
      page.on('pageerror', (error) => console.error(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') console.error(message.text());
      });
      await page.goto(`${rig.address}/?token=${TOKEN}`);
      for (const name of wanted) {
        await alive(rig);
        await untaken(rig);
        await page.goto(rig.address + (screens[name] ?? '/'));
        await page.locator('main .stack').first().waitFor();
        await page.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => undefined); // the stream of events never ends
        const file = which === 'all' ? `${name}-${width}-${colorScheme}.png` : `${name}.png`;
        await page.screenshot({ path: join(directory, file), fullPage: which === 'all' });
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
  await rig[Symbol.asyncDispose]();
  await teardown();
}
