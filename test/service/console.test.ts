import { expect, test } from 'vitest';
import { idOf } from '../../src/web/console/rows.ts';
import { uploadWork } from '../../src/platform/queue/index.ts';
import { CALL, READ_ONLY, TOKEN } from '../support/console.ts';
import { consoleInBrowser, sha256 } from '../support/console-browser.ts';
import {
  backAgain,
  extracted,
  failing,
  heldByDisk,
  HOSTILE,
  landed,
  outage,
  paused,
  pending,
  untaken,
  uploaded,
} from '../support/console-scenes.ts';
import { beyondEdge, follow, violations } from '../support/console-page.ts';
import { fillState } from '../support/fill-state.ts';
import { until } from '../support/ports.ts';
import { seconds } from '../support/sound-length.ts';
import { makeWav } from '../support/wavs.ts';

// The console in a real browser, over one site that goes from fresh to busy to troubled.

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

/** Of which a list shows a page; `make bench-console` has a million. */
const MANY = 20_000;

const the = consoleInBrowser();
let stored: readonly string[];
let failed: readonly string[];

test('fresh: every screen is there, with nothing wrong for readers that see no colours', async () => {
  const answer = await the.page.goto(the.rig.address);
  const policy = answer?.headers()['content-security-policy'] ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe');
  await the.page.getByText('All well:').waitFor();
  await the.expectReadable(SCREENS);
});

test('busy: a recording tells its life and is heard, downloaded, proven', async () => {
  stored = await uploaded(the.rig);
  await pending(the.rig);
  const [pcm = '', ...coded] = stored;
  await the.show(`/recordings/${idOf(pcm)}`);
  for (const step of ['Landed', 'Queued', 'Extracted', 'Stored and verified'])
    await the.page.locator('.timeline').getByText(step, { exact: true }).waitFor();
  const content = `${the.rig.address}/api/recordings/${idOf(pcm)}/content`;
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
  expect(the.rig.reported.filter((line) => line.startsWith('recording read'))).toHaveLength(1);

  await the.page.getByRole('button', { name: 'Verify now' }).press('Enter');
  await the.page.getByText('the same bytes').waitFor();
  expect(await seconds(the.page)).toBeCloseTo(CALL.seconds, 1);
  await the.page.getByRole('link', { name: 'calls-0900.tar' }).first().press('Enter');
  const left = the.page.getByRole('row').filter({ hasText: '../../etc/call (2).wav' });
  await left.getByText('its path has a ".." in it', { exact: true }).waitFor();
  for (const path of coded.slice(0, 3)) {
    await the.show(`/recordings/${idOf(path)}`); // a-law, µ-law, GSM 6.10
    await the.page.getByRole('button', { name: /Play/ }).press('Enter');
    expect(await seconds(the.page)).toBeCloseTo(CALL.seconds, 1);
  }
  expect(await violations(the.page)).toEqual([]);
  await the.expectReadable(SCREENS);
});

test('what is shown changes in its place: selection and focus stay', async () => {
  await the.show('/');
  const button = the.page.getByRole('button', { name: 'Pause upload' });
  await button.focus();
  await the.page.evaluate("getSelection().selectAllChildren(document.querySelector('.pipeline h2'))");
  const before = await the.page.locator('.pipeline li').nth(3).innerText();
  await the.rig.ledger.recordings.stored(extracted(the.rig, 'pbx-2/agent-0/in-20000.wav'), {
    key: 'k',
    size: 1,
    sha256: 'x',
    etag: 'e',
    versionId: undefined,
  });
  await until(
    'the page has heard of it',
    async () => (await the.page.locator('.pipeline li').nth(3).innerText()) !== before,
  );
  expect(await the.page.evaluate('getSelection().toString()')).toBe('Landing');
  expect(await the.page.evaluate('document.activeElement.ariaLabel')).toBe('Pause upload');
});

test('failing: names are text, causes have remedies, and those that match are re-queued after a look', async () => {
  failed = await failing(the.rig);
  await untaken(the.rig);
  await the.rig.beat('watch');
  await the.show('/failures');
  expect(await the.page.title()).not.toBe('1');
  await the.page.getByText('<img src=x onerror="document.title=1">').first().waitFor();
  expect(await the.page.locator('main img').count()).toBe(0);
  expect(await violations(the.page)).toEqual([]);
  await the.page.getByRole('button', { name: 'Re-queue conflict' }).first().press('Enter');
  await the.page.getByText('11 recordings').waitFor();
  await the.page.getByRole('checkbox', { name: 'Try one first' }).press('Space');
  await the.page.getByRole('button', { name: 'Re-queue 11' }).press('Enter');
  await the.page.getByText('Re-queued 11 recordings').waitFor();
  expect((await the.rig.ledger.recordings.get(failed[0] ?? ''))?.status).toBe('PENDING');
  await the.page.getByRole('link', { name: 'rejected' }).first().press('Enter');
  await the.page.getByRole('heading', { name: 'Failed for rejected' }).waitFor();
  expect(the.page.url()).toContain('cause=rejected');
  await the.expectReadable([
    ...SCREENS,
    '/tars?state=failed',
    `/recordings/${idOf(failed[1] ?? '')}`,
    `/tars/${idOf(landed(the.rig, 'crm/2026/11/28/broken.tar'))}`,
  ]);
  await the.show(`/recordings?search=${encodeURIComponent(HOSTILE)}`);
  await the.page.getByRole('row').filter({ hasText: 'onerror' }).waitFor();
  expect(await the.page.locator('main img').count()).toBe(0);
});

test('on a narrow screen nothing of a list lies beyond the edge', async () => {
  for (const width of [390, 1024]) {
    await the.page.setViewportSize({ width, height: 900 });
    for (const screen of [...SCREENS, `/tars/${idOf(landed(the.rig, 'crm/2026/11/28/calls-0900.tar'))}`]) {
      await follow(the.page, the.rig.address + screen);
      expect([width, screen, await beyondEdge(the.page)]).toEqual([width, screen, []]);
    }
  }
});

test('each question is readable, and Escape takes it back and the focus to its button', async () => {
  for (const [screen, name] of [
    ['/', 'Pause upload'],
    ['/', 'Re-queue all …'],
    ['/system', 'Drain …'],
    ['/', /^Find /],
  ] as const) {
    await follow(the.page, the.rig.address + screen);
    const button = the.page.getByRole('button', { name });
    await button.press('Enter');
    const dialog = the.page.locator('dialog[open]');
    await dialog.waitFor();
    expect([name, await violations(the.page)]).toEqual([name, []]);
    await the.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect([name, await button.evaluate((one) => one.matches(':focus'))]).toEqual([name, true]);
  }
  expect(await the.rig.queues.upload.isPaused()).toBe(false);
});

test('outage and pause: the first sentence, the pipeline and the title say so, and a resume is one key away', async () => {
  await outage(the.rig);
  await the.show('/');
  await the.page.locator('.problem').filter({ hasText: 'Storage is unavailable (network)' }).waitFor();
  await until('the title tells it', async () => /^\(\d+\) /.test(await the.page.title()));
  await the.expectReadable(SCREENS);
  await follow(the.page, `${the.rig.address}/`);
  await backAgain(the.rig);
  await paused(the.rig);
  await the.page.getByText('the bucket moves to another region').first().waitFor();
  await the.expectReadable([...SCREENS.slice(1), '/']);
  expect(await the.page.getByRole('region', { name: 'Waiting' }).count()).toBe(0); // each is a problem above
  await the.page
    .locator('.problem')
    .filter({ hasText: 'paused' })
    .getByRole('button', { name: 'Resume', exact: true })
    .press('Enter');
  await until('it goes on', async () => !(await the.rig.queues.upload.isPaused()));
  await the.page.locator('.pipeline').getByRole('button', { name: 'Pause upload' }).press('Enter');
  await the.page.getByLabel('Reason').fill('a test');
  await the.page.keyboard.press('Enter');
  await until('it is paused', () => the.rig.queues.upload.isPaused());
});

test('held by the disk: since when, why and what helps stand first, and it goes by itself', async () => {
  await heldByDisk(the.rig);
  await the.show('/');
  const problem = the.page.locator('.problem').filter({ hasText: 'Extraction waits: the disk of' });
  await problem.getByText('Free disk space or inodes').waitFor();
  await problem.getByText('for 9 min').waitFor();
  await the.expectReadable([...SCREENS.slice(1), '/']);
  await the.rig.beat('extract');
  await problem.waitFor({ state: 'detached' });
});

test('stale: what is shown says since when, and comes back by itself', async () => {
  await the.page.route('**/api/events', (route) => route.abort()); // an open stream would go on
  await the.show('/');
  await the.page.route('**/api/**', (route) => route.abort());
  await the.page.getByRole('alert').getByText('What is shown is of').waitFor();
  expect(await violations(the.page)).toEqual([]);
  await the.page.unroute('**/api/**');
  await the.page.getByRole('alert').waitFor({ state: 'detached' });
  the.faults = the.faults.filter((fault) => !/net::ERR|Failed to load/.test(fault));
});

test('the read-only token sees every screen and is offered nothing, and refused what it asks for', async () => {
  await the.context.close();
  await the.open(READ_ONLY);
  for (const screen of ['/', '/failures', '/landing', '/backups', '/audit', '/system']) {
    await the.show(screen);
    const names = await the.page.locator('main').getByRole('button').allInnerTexts();
    expect([
      screen,
      names.filter((name) => /pause|resume|queue|run|take|rescan|verify|begin|drain|test/i.test(name)),
    ]).toEqual([screen, []]);
  }
  const answers = await Promise.all(
    ACTING.map((path) =>
      fetch(the.rig.address + path, {
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
  await the.page.goto('about:blank'); // a page that is open asks on, and would be told that it may not
  await the.context.clearCookies();
  await the.page.goto(`${the.rig.address}/recordings?codec=alaw`);
  await the.page.getByLabel('Token of the dashboard').fill(TOKEN);
  await the.page.keyboard.press('Enter');
  await the.page.getByRole('heading', { name: 'Recordings', level: 1 }).waitFor();
  expect(the.page.url()).toBe(`${the.rig.address}/recordings?codec=alaw`);
  const [cookie] = await the.context.cookies();
  expect([cookie?.path, cookie?.httpOnly, cookie?.sameSite]).toEqual(['/tools/wavspool', true, 'Lax']);
  await the.page.getByRole('button', { name: 'Log out' }).press('Enter');
  await the.page.getByLabel('Token of the dashboard').waitFor();
  expect(the.page.url()).toBe(`${the.rig.address}/login`);
  the.faults = the.faults.filter((fault) => !fault.includes('401')); // what the page still asked on its way out
});

test('Bull Board is reached below the path, loads nothing from elsewhere, and offers what it may do alone', async () => {
  const { upload } = the.rig.queues;
  await upload.add([uploadWork('/extracted/board.wav', 1)]);
  const [job] = await upload.bull.getJobs();
  const queue = `${the.rig.address}/queues/queue/${encodeURIComponent(upload.bull.name)}`;
  await the.page.goto(queue);
  await the.page.getByRole('link', { name: upload.bull.name }).first().waitFor();
  await the.page.locator('button:has(.lucide-ellipsis-vertical)').first().press('Enter');
  await the.page.locator('[role="menuitem"]').first().waitFor({ state: 'attached' });
  const shown = await the.page.getByRole('menuitem').allInnerTexts();
  expect(shown.filter((text) => !/^(Pause|Resume|Retry)/.test(text.trim()))).toEqual([]);
  expect(shown).not.toEqual([]);
  await the.page.goto(`${queue}/${job?.id}`);
  await the.page.locator('.lucide-copy').first().waitFor();
  const refused = the.page.locator('button:is(:has(.lucide-trash-2), :has(.lucide-pencil))');
  expect(await refused.count()).toBeGreaterThan(0);
  expect(await refused.filter({ visible: true }).count()).toBe(0);
  await job?.remove();
});

test('many rows: a list is a page of them, the document stays as small, and the next page is a key away', async () => {
  fillState(the.rig.settings.paths, MANY);
  await the.show('/recordings');
  const rows = the.page.getByRole('group', { name: 'Recordings' }).locator('tbody tr');
  const elements = async (): Promise<number> =>
    Number(await the.page.evaluate("document.querySelectorAll('*').length"));
  const seen = new Set<string>();
  await rows.first().waitFor();
  const small = await elements();
  for (let page = 1; page <= 3; page += 1) {
    await until(`page ${page} is shown`, async () => {
      const names = await rows.locator('.name').allInnerTexts();
      if (names.length !== 100 || seen.has(names[0] ?? '')) return false;
      for (const name of names) seen.add(name);
      return true;
    });
    expect(seen.size).toBe(page * 100);
    if (page < 3) await the.page.getByRole('link', { name: 'Next page' }).press('Enter');
  }
  expect(await elements()).toBeLessThan(small + 100);
  await the.expectReadable(SCREENS);
});

test('who did what stands among the events', async () => {
  await the.rig.log('asked over HTTP', {
    by: 'console',
    from: '127.0.0.1',
    what: 'POST /api/pause',
    asked: '{}',
    status: 200,
  });
  await the.show('/events?who=people');
  const row = the.page.getByRole('row').filter({ hasText: 'POST /api/pause' });
  await row.locator('summary').press('Enter'); // all of it is told
  await row.locator('details[open]').waitFor();
  expect(await violations(the.page)).toEqual([]);
});
