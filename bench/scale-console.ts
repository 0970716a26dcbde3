import { appendFile } from 'node:fs/promises';
import { idOf } from '../src/web/console/rows.ts';
import { launchChromium } from '../test/support/console.ts';
import { sleep, type Fleet } from './fleet.ts';
import { memoryBelow } from './process-tree.ts';
import { median, type Judged } from './report.ts';

// What the console takes at a million recordings: each question of its screens, the page itself, and the memory of who serves it.

const TIMES = 20;
const LOADS = 5;
const QUERY_MS = 50;
const LOAD_MS = 300;
const PAGE_KB = 150;
const RSS_MB = 150;
const PAGES = 10;
const EVENTS_PER_SECOND = 100;
const BUSY_SECONDS = 30;
/** A page is a hundred rows of some fifteen elements. */
const ELEMENTS = 3000;
/** `/api/status` is at most this old. */
const FRESH_MS = 1000;

/** In the page: when its first screen stands, told by the page's own clock, whenever the bench gets to ask for it. */
const NOTE_DRAWN = `new MutationObserver((_changes, observer) => {
  if (document.querySelector('main .stack') === null) return;
  performance.mark('drawn');
  observer.disconnect();
}).observe(document, { childList: true, subtree: true })`;

/** A recording and a tar that are there, for the screens of one. */
export interface Known {
  readonly recording: string;
  readonly tar: string;
  /** A part of a name that one recording has. */
  readonly part: string;
}

/** What is asked of one site at a time. */
const OF_ONE_SITE = /history|\/api\/(?:tars|recordings)\/|backups/;
/** What lies on the host of a site, or is told by its log alone. */
const OF_HOST = /backups/;

/** How long the answers take that the screens ask for: medians of 20, each with its limit. `site`: another one, or `all`. */
export async function questionTimes(
  fleet: Fleet,
  { recording, tar, part }: Known,
  site?: string,
): Promise<readonly Judged[]> {
  const day = new Date().toISOString().slice(0, 10);
  const questions = [
    '/api/status',
    '/api/history?range=24h',
    '/api/history?range=30d',
    '/api/uploads?limit=100',
    '/api/uploads?limit=100&status=FAILED',
    '/api/uploads?limit=100&cause=rejected',
    '/api/uploads?limit=100&codec=alaw',
    `/api/uploads?limit=100&from=${day}&to=${day}&codec=alaw`,
    '/api/uploads?limit=100&minSeconds=60&maxSeconds=61',
    `/api/uploads?limit=100&search=${part}`,
    '/api/uploads?limit=100&search=nobody-has-this-name',
    '/api/failures',
    '/api/tars?state=all&limit=100',
    `/api/tars?search=${part}&limit=100`,
    `/api/tars/${idOf(tar)}`,
    `/api/recordings/${idOf(recording)}`,
    `/api/find?text=${part}`,
    '/api/events?limit=100',
    '/api/events?limit=100&search=nobody-has-said-this',
    '/api/backups',
    '/api/landing',
  ];
  const figures: Judged[] = [];
  const skipped = site === undefined ? undefined : site === 'all' ? OF_ONE_SITE : OF_HOST;
  for (const question of questions) {
    if (skipped?.test(question) === true) continue;
    const path =
      site === undefined ? question : `${question}${question.includes('?') ? '&' : '?'}site=${site}`;
    const taken: number[] = [];
    for (let time = 0; time < TIMES; time += 1) {
      if (path === '/api/status') await sleep(FRESH_MS + 50);
      const askedAt = performance.now();
      await (await fleet.request(path)).text();
      taken.push(performance.now() - askedAt);
    }
    const shown = path.replace(/\/[\w-]{20,}/, '/ID');
    figures.push({ what: shown, value: median(taken), unit: 'ms', atMost: QUERY_MS });
  }
  return figures;
}

/** The first page, with nothing in the browser's cache: until it is drawn, and what was sent for it. */
export async function loadFigures({ settings }: Pick<Fleet, 'settings'>): Promise<readonly Judged[]> {
  const browser = await launchChromium();
  const address = `http://127.0.0.1:${settings.http.port}`;
  const drawn: number[] = [];
  const sent: number[] = [];
  try {
    for (let load = 0; load < LOADS; load += 1) {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(`${address}/login`); // the cookie is not part of it
      await page.getByLabel('Token of the dashboard').fill('bench');
      const cookie = await page.request.post(`${address}/login`, { form: { token: 'bench' } });
      if (!cookie.ok()) throw new Error(`the login was answered with ${cookie.status()}`);
      await page.addInitScript(NOTE_DRAWN);
      await page.goto(address, { waitUntil: 'commit' });
      await page.locator('main .stack').first().waitFor();
      drawn.push(
        Number(await page.evaluate("performance.getEntriesByName('drawn')[0]?.startTime ?? Number.NaN")),
      );
      await page.locator('.plot canvas').first().waitFor();
      sent.push(
        Number(
          await page.evaluate(
            "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].filter(({ name }) => !name.includes('/api/')).reduce((sum, { transferSize }) => sum + transferSize, 0)",
          ),
        ),
      );
      await context.close();
    }
  } finally {
    await browser.close();
  }
  return [
    { what: 'the first page until it is drawn, cold', value: median(drawn), unit: 'ms', atMost: LOAD_MS },
    { what: 'what is sent for it', value: median(sent) / 1000, unit: 'KB', atMost: PAGE_KB },
  ];
}

/** How much the document of a list holds when its second page is shown: as much as one page, however many rows there are. */
export async function listFigures({ settings }: Pick<Fleet, 'settings'>): Promise<readonly Judged[]> {
  const browser = await launchChromium();
  const address = `http://127.0.0.1:${settings.http.port}`;
  const figures: Judged[] = [];
  try {
    const page = await browser.newPage();
    await page.goto(`${address}/?token=bench`);
    for (const list of ['/recordings', '/recordings?codec=alaw', '/tars']) {
      await page.goto(address + list);
      const rows = page.locator('main tbody tr');
      const first = await rows.first().innerText();
      await page.getByRole('link', { name: 'Next page' }).press('Enter');
      await rows.filter({ hasText: first }).waitFor({ state: 'detached' });
      await rows.first().waitFor();
      const value = Number(await page.evaluate("document.querySelectorAll('*').length"));
      figures.push({ what: `elements of ${list}, its second page`, value, unit: '', atMost: ELEMENTS });
    }
  } finally {
    await browser.close();
  }
  return figures;
}

/** The memory of the dashboard role while ten pages hear of a hundred events a second. */
export async function memoryFigures(fleet: Fleet): Promise<readonly Judged[]> {
  const gone = new AbortController();
  let heard = 0;
  const listen = async (): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${fleet.settings.http.port}/api/events`, {
      headers: { authorization: 'Bearer bench', accept: 'text/event-stream' },
      signal: gone.signal,
    });
    for await (const chunk of answer.body ?? [])
      heard += Buffer.from(chunk).toString().split('event: report').length - 1;
  };
  const pages = Array.from({ length: PAGES }, () => listen().catch(() => undefined)); // ended below
  const peaks: number[] = [];
  for (let second = 0; second < BUSY_SECONDS; second += 1) {
    const lines = Array.from({ length: EVENTS_PER_SECOND }, (_, at) =>
      JSON.stringify({
        time: new Date().toISOString(),
        level: 'info',
        msg: 'recording failed',
        site: fleet.settings.site,
        role: 'upload',
        pid: 1,
        recording: `/bench/call-${second}-${at}.wav`,
        attempt: 1,
        final: false,
        cause: 'network',
        code: 'STORE_UNREACHABLE',
        err: { message: 'connect ECONNREFUSED 192.0.2.10:443' },
      }),
    );
    await appendFile(fleet.settings.paths.log, `${lines.join('\n')}\n`);
    await sleep(1000);
    peaks.push(memoryBelow(fleet.pid).find(({ name }) => name === 'dashboard')?.rssBytes ?? Number.NaN);
  }
  gone.abort();
  await Promise.all(pages);
  return [
    {
      what: `RSS of dashboard, ${PAGES} pages, ${EVENTS_PER_SECOND} events/s`,
      value: Math.max(...peaks) / 1e6,
      unit: 'MB',
      atMost: RSS_MB,
    },
    {
      what: 'events that each page heard of',
      value: heard / PAGES,
      unit: '',
      atLeast: EVENTS_PER_SECOND * BUSY_SECONDS * 0.95,
    },
  ];
}
