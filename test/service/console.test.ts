import { createHash } from 'node:crypto';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { Parser } from 'tar';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { idOf } from '../../src/web/console/rows.ts';
import { CALL, launchChromium, READ_ONLY, startConsole, TOKEN, type ConsoleRig } from '../support/console.ts';
import {
  alive,
  backAgain,
  extracted,
  failing,
  HOSTILE,
  landed,
  noteLoneMinute,
  outage,
  paused,
  pending,
  untaken,
  uploaded,
} from '../support/console-scenes.ts';
import { inkOf, violations } from '../support/console-page.ts';
import { until } from '../support/ports.ts';
import { seconds } from '../support/sound-length.ts';
import { makeWav } from '../support/wavs.ts';

// The console in a real browser, over one site that goes from fresh to busy to troubled. It lies below a path of a reverse proxy that
// answers 404 to everything else: an address of ours that forgets the path fails here.

const SCREENS = [
  '/',
  '/failures',
  '/recordings',
  '/tars',
  '/landing',
  '/audit',
  '/backups',
  '/system',
  '/events',
  '/components',
];

/** What changes something, or has it done. */
const ACTING = [
  '/api/pause',
  '/api/resume',
  '/api/drain',
  '/api/rescan',
  '/api/uploads/requeue',
  '/api/ingest',
  '/api/audit',
  '/api/audit/stop',
  '/api/backups/run',
  '/api/backups/verify',
  '/api/events',
];

let rig: ConsoleRig;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let faults: string[];
let foreign: string[];
let stored: readonly string[];
let failed: readonly string[];

beforeAll(async () => {
  [rig, browser] = await Promise.all([startConsole('/tools/wavspool'), launchChromium()]);
  await alive(rig);
});
afterAll(async () => {
  await browser.close();
  await rig[Symbol.asyncDispose]();
});
beforeEach(async () => {
  context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin' });
  context.setDefaultTimeout(60_000);
  page = await open(context, TOKEN);
});
afterEach(async () => {
  await context.close();
  expect(faults).toEqual([]);
  expect(foreign).toEqual([]);
});

/** A page that is logged in; what goes wrong in it, and what it asks of others, is noted. */
async function open(inContext: BrowserContext, token: string): Promise<Page> {
  const opened = await inContext.newPage();
  faults = [];
  foreign = [];
  opened.on('pageerror', (error) => faults.push(error.message));
  opened.on('console', (message) => {
    // a host whose networks change, as where containers start, cuts what a browser has open; the console asks again
    if (message.type() === 'error' && !message.text().includes('ERR_NETWORK_CHANGED'))
      faults.push(message.text());
  });
  opened.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && !`${request.url()}/`.startsWith(`${rig.address}/`))
      foreign.push(request.url());
  });
  await opened.goto(`${rig.address}/?token=${token}`);
  return opened;
}

async function show(path: string): Promise<void> {
  await page.goto(rig.address + path);
  await page.locator('main .stack, main .empty').first().waitFor();
}

test('fresh: every screen is there, with nothing wrong for readers that see no colours', async () => {
  const answer = await page.goto(rig.address);
  const policy = answer?.headers()['content-security-policy'] ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe');
  await page.getByText('All well:').waitFor();
  for (const screen of SCREENS) {
    await show(screen);
    expect([screen, await violations(page)]).toEqual([screen, []]);
  }
});

test('busy: a recording tells its life and is heard, downloaded, proven', async () => {
  stored = await uploaded(rig);
  await pending(rig);
  const [pcm = '', alaw = ''] = stored;
  await show(`/recordings/${idOf(pcm)}`);
  for (const step of ['Landed', 'Queued', 'Extracted', 'Stored and verified'])
    await page.locator('.timeline').getByText(step, { exact: true }).waitFor();
  const content = `${rig.address}/api/recordings/${idOf(pcm)}/content`;
  const headers = { authorization: `Bearer ${READ_ONLY}` };
  const whole = makeWav({ ...CALL, seed: 0 });
  const answer = await fetch(content, { headers });
  expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(sha256(whole));
  const part = await fetch(content, { headers: { ...headers, range: 'bytes=10-19' } });
  expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 10-19/${whole.length}`]);
  expect(Buffer.from(await part.arrayBuffer())).toEqual(whole.subarray(10, 20));
  expect((await fetch(content, { headers: { ...headers, range: `bytes=${whole.length}-` } })).status).toBe(
    416,
  );
  expect(rig.reported.filter((line) => line.startsWith('recording read'))).toHaveLength(1);

  await page.getByRole('button', { name: 'Verify now' }).press('Enter');
  await page.getByText('the same bytes').waitFor();
  expect(await seconds(page)).toBeCloseTo(CALL.seconds, 1);
  await show(`/recordings/${idOf(alaw)}`);
  await page.getByRole('button', { name: /Play/ }).press('Enter');
  expect(await seconds(page)).toBeCloseTo(CALL.seconds, 1);
  expect(await violations(page)).toEqual([]);
});

test('a curve shows what was answered while its library was loaded, a value between two unknown ones too', async () => {
  noteLoneMinute(rig);
  await page.goto('about:blank'); // what the page before has asked is not what is held here
  const answered = page.waitForResponse((response) => response.url().includes('/api/history'));
  let asked = 0;
  // the answer of the next minute would draw it: it does not come
  await page.route(/api\/history/, async (route) => {
    asked += 1;
    if (asked === 1) await route.continue();
  });
  await page.route(/uplot/i, async (route) => {
    await (await answered).finished();
    await route.continue();
  });
  await page.goto(rig.address);
  await until('the curve is drawn', async () => (await inkOf(page)) > 0, 20_000);
});

test('an object that is no longer what was stored is told', async () => {
  const [path = ''] = stored;
  const key = path.slice(rig.settings.paths.extracted.length + 1);
  const was = await rig.s3.bytes(key);
  await put(key, Buffer.alloc(was.length, 1));
  await show(`/recordings/${idOf(path)}`);
  await page.getByRole('button', { name: 'Verify now' }).press('Enter');
  await page.getByText('Not the same').waitFor();
  await put(key, was);
});

test('what is filtered is downloaded as one tar of proven recordings; one that is not what it was is named, not handed out', async () => {
  const [path = ''] = stored;
  const key = path.slice(rig.settings.paths.extracted.length + 1);
  const was = await rig.s3.bytes(key);
  await put(key, Buffer.alloc(was.length, 2));
  const headers = { authorization: `Bearer ${READ_ONLY}` };
  const answer = await fetch(`${rig.address}/api/fetch?codec=pcm&search=call-09`, { headers });
  const members = await membersOf(Buffer.from(await answer.arrayBuffer()));
  await put(key, was);
  const names = stored
    .filter((_, at) => at % 4 === 0 && at > 0)
    .map((one) => one.slice(rig.settings.paths.extracted.length + 1));
  expect([...members.keys()].toSorted()).toEqual(['UNVERIFIED.txt', ...names].toSorted());
  for (const name of names) expect(members.get(name)).toEqual(await rig.s3.bytes(name));
  expect(members.get('UNVERIFIED.txt')?.toString()).toContain(path);
  await show('/recordings?codec=pcm');
  expect(
    await page.getByRole('link', { name: 'Download what fits as one tar' }).getAttribute('href'),
  ).toContain('codec=pcm');
});

test('what is shown changes in its place: selection and focus stay', async () => {
  await show('/');
  const button = page.getByRole('button', { name: 'Pause upload' });
  await button.focus();
  await page.evaluate("getSelection().selectAllChildren(document.querySelector('.pipeline h2'))");
  const before = await page.locator('.pipeline li').nth(3).innerText();
  await rig.ledger.recordings.stored(extracted(rig, 'pbx-2/agent-0/in-20000.wav'), {
    key: 'k',
    size: 1,
    sha256: 'x',
    etag: 'e',
    versionId: undefined,
  });
  await until(
    'the page has heard of it',
    async () => (await page.locator('.pipeline li').nth(3).innerText()) !== before,
  );
  expect(await page.evaluate('getSelection().toString()')).toBe('Landing');
  expect(await page.evaluate('document.activeElement.ariaLabel')).toBe('Pause upload');
});

test('failing: names are text, causes have remedies, and those that match are re-queued after a look', async () => {
  failed = await failing(rig);
  await untaken(rig);
  await rig.beat('watch');
  await show('/failures');
  expect(await page.title()).not.toBe('1');
  await page.getByText('<img src=x onerror="document.title=1">').first().waitFor();
  expect(await page.locator('main img').count()).toBe(0);
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Re-queue conflict' }).first().press('Enter');
  await page.getByText('11 recordings').waitFor();
  await page.getByRole('checkbox', { name: 'Try one first' }).press('Space');
  await page.getByRole('button', { name: 'Re-queue 11' }).press('Enter');
  await page.getByText('Re-queued 11 recordings').waitFor();
  expect((await rig.ledger.recordings.get(failed[0] ?? ''))?.status).toBe('PENDING');
  await page.getByRole('link', { name: 'rejected' }).first().press('Enter');
  await page.getByRole('heading', { name: 'Failed for rejected' }).waitFor();
  expect(page.url()).toContain('cause=rejected');
  for (const screen of [
    '/',
    '/tars?state=failed',
    '/landing',
    `/recordings/${idOf(failed[1] ?? '')}`,
    `/tars/${idOf(landed(rig, 'crm/2026/11/28/broken.tar'))}`,
  ]) {
    await show(screen);
    expect([screen, await violations(page)]).toEqual([screen, []]);
  }
  await show(`/recordings?search=${encodeURIComponent(HOSTILE)}`);
  await page.getByRole('row').filter({ hasText: 'onerror' }).waitFor();
  expect(await page.locator('main img').count()).toBe(0);
});

test('an audit is begun with the keyboard, tells how far it is, and names an object that is gone', async () => {
  const [, , path = ''] = stored;
  const key = path.slice(rig.settings.paths.extracted.length + 1);
  const was = await rig.s3.bytes(key);
  await rig.s3.client.send(new DeleteObjectCommand({ Bucket: rig.s3.bucket, Key: key }));
  await show('/audit');
  await page.getByRole('button', { name: 'Begin' }).press('Enter');
  const run = page.getByRole('region', { name: 'Audit', exact: true });
  await run.getByRole('heading', { name: 'The last audit' }).waitFor();
  await run
    .getByRole('row')
    .filter({ hasText: 'missing' })
    .getByRole('link', { name: 'call-0902' })
    .waitFor();
  await run.getByText(/^\d+ findings? in \d+ recordings/).waitFor();
  expect(await violations(page)).toEqual([]);
  expect(rig.reported.filter((line) => line.startsWith('audit finished'))).toHaveLength(1);
  await put(key, was);
});

test('a snapshot is taken, and restored as a test, from the page; drain says when nothing is in flight', async () => {
  await show('/backups');
  await page.getByRole('button', { name: 'Run now: snapshot state' }).press('Enter');
  await page.getByRole('button', { name: /^Restore test/ }).press('Enter');
  await page.getByText(/^Restored to a scratch file in .*: sound$/).waitFor();
  expect(rig.reported.filter((line) => line.startsWith('restore tested'))).toHaveLength(1);
  await show('/system');
  await page.getByRole('button', { name: 'Drain …' }).press('Enter');
  await page.getByLabel('Reason').fill('a new kernel');
  await page.keyboard.press('Enter');
  await page.getByText('Drained: nothing is in flight.').waitFor();
  expect(await rig.queues.upload.isPaused()).toBe(true);
  await fetch(`${rig.address}/api/resume`, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } });
});

test('anything is found with the keyboard', async () => {
  await show('/system');
  await page.keyboard.press('/');
  await page.keyboard.type('call-0903');
  await page.getByRole('option').filter({ hasText: 'call-0903' }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'call-0903' }).waitFor();
  expect(page.url()).toContain('/recordings/');
});

test('filters stand in the address and narrow the list', async () => {
  await show('/recordings?codec=alaw&status=SUCCESS');
  await until('they are shown', async () => (await page.locator('tbody tr').count()) === 3);
  await page.getByRole('searchbox', { name: 'Name' }).fill('call-0905');
  await until('it is narrowed', async () => (await page.locator('tbody tr').count()) === 1);
  expect(new URL(page.url()).searchParams.get('search')).toBe('call-0905');
});

test('outage and pause: the first sentence, the pipeline and the title say so, and a resume is one key away', async () => {
  await outage(rig);
  await show('/');
  await page.locator('.problem').filter({ hasText: 'Storage is unavailable (network)' }).waitFor();
  await until('the title tells it', async () => /^\(\d+\) /.test(await page.title()));
  expect(await violations(page)).toEqual([]);
  await backAgain(rig);
  await paused(rig);
  await page.getByText('the bucket moves to another region').first().waitFor();
  await page
    .locator('.problem')
    .filter({ hasText: 'paused' })
    .getByRole('button', { name: 'Resume', exact: true })
    .press('Enter');
  await until('it goes on', async () => !(await rig.queues.upload.isPaused()));
  await page.locator('.pipeline').getByRole('button', { name: 'Pause upload' }).press('Enter');
  await page.getByLabel('Reason').fill('a test');
  await page.keyboard.press('Enter');
  await until('it is paused', () => rig.queues.upload.isPaused());
});

test('stale: what is shown says since when, and comes back by itself', async () => {
  await page.route('**/api/events', (route) => route.abort()); // an open stream would go on
  await show('/');
  await page.route('**/api/**', (route) => route.abort());
  await page.getByRole('alert').getByText('What is shown is of').waitFor();
  await page.unroute('**/api/**');
  await page.getByRole('alert').waitFor({ state: 'detached' });
  faults = faults.filter((fault) => !/net::ERR|Failed to load/.test(fault));
});

test('the read-only token sees every screen and is offered nothing, and refused what it asks for', async () => {
  await page.close();
  await context.close();
  context = await browser!.newContext();
  page = await open(context, READ_ONLY);
  for (const screen of ['/', '/failures', '/landing', '/backups', '/audit', '/system']) {
    await show(screen);
    const names = await page.locator('main').getByRole('button').allInnerTexts();
    expect([
      screen,
      names.filter((name) => /pause|resume|queue|run|take|rescan|verify|begin|drain|test/i.test(name)),
    ]).toEqual([screen, []]);
  }
  const answers = await Promise.all(
    ACTING.map((path) =>
      fetch(rig.address + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${READ_ONLY}`, 'content-type': 'application/json' },
        body: '{}',
      }),
    ),
  );
  expect(answers.map(({ status }) => status)).toEqual(ACTING.map(() => 403));
  expect(await answers[0]?.json()).toMatchObject({ code: 'READ_ONLY' });
});

test('who is not logged in is led to the login and back; who logs out has to log in again', async () => {
  await context.clearCookies();
  await page.goto(`${rig.address}/recordings?codec=alaw`);
  await page.getByLabel('Token of the dashboard').fill(TOKEN);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Recordings', level: 1 }).waitFor();
  expect(page.url()).toBe(`${rig.address}/recordings?codec=alaw`);
  const [cookie] = await context.cookies();
  expect([cookie?.path, cookie?.httpOnly, cookie?.sameSite]).toEqual(['/tools/wavspool', true, 'Lax']);
  await page.getByRole('button', { name: 'Log out' }).press('Enter');
  await page.getByLabel('Token of the dashboard').waitFor();
  expect(page.url()).toBe(`${rig.address}/login`);
});

test('Bull Board is reached below the path, and loads nothing from elsewhere', async () => {
  const queue = rig.queues.upload.bull.name;
  await page.goto(`${rig.address}/queues/queue/${encodeURIComponent(queue)}`);
  await page.getByRole('link', { name: queue }).first().waitFor();
  const fonts = 'https://fonts.googleapis.com/';
  const refused = new RegExp(`^Loading the stylesheet '${fonts}.*violates`);
  await until('its fonts are refused', async () => faults.some((fault) => refused.test(fault)));
  faults = faults.filter((fault) => !refused.test(fault));
  foreign = foreign.filter((asked) => !asked.startsWith(fonts));
});

test('who did what stands among the events', async () => {
  await rig.log('asked over HTTP', {
    by: 'console',
    from: '127.0.0.1',
    what: 'POST /api/pause',
    asked: '{}',
    status: 200,
  });
  await show('/events?who=people');
  await page.getByRole('row').filter({ hasText: 'POST /api/pause' }).waitFor();
  expect(await violations(page)).toEqual([]);
});

async function put(key: string, body: Buffer): Promise<void> {
  await rig.s3.client.send(new PutObjectCommand({ Bucket: rig.s3.bucket, Key: key, Body: body }));
}

/** What a tar holds, as another reader finds it. */
async function membersOf(tar: Buffer): Promise<ReadonlyMap<string, Buffer>> {
  const members = new Map<string, Buffer>();
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => {
      const chunks: Buffer[] = [];
      entry.on('data', (chunk) => chunks.push(chunk));
      entry.on('end', () => members.set(entry.path, Buffer.concat(chunks)));
    },
  });
  const ended = new Promise<void>((resolve, reject) => {
    parser.on('end', () => resolve());
    parser.on('error', reject);
  });
  parser.end(tar);
  await ended;
  return members;
}

function sha256(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}
