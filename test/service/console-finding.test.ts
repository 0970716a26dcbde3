import { Parser } from 'tar';
import { beforeAll, expect, test } from 'vitest';
import { READ_ONLY } from '../support/console.ts';
import { consoleInBrowser } from '../support/console-browser.ts';
import { noteLoneMinute, uploaded } from '../support/console-scenes.ts';
import { inkOf, violations } from '../support/console-page.ts';
import { until } from '../support/ports.ts';

// How one comes to a recording in a real browser: the finder, filters, what is filtered as one tar, the curves.

const HOUR_MS = 3_600_000;

/** A time as the address has it. */
function addressTime(at: number): string {
  return new Date(at).toISOString().slice(0, 16);
}

const the = consoleInBrowser();
let stored: readonly string[];
beforeAll(async () => {
  stored = await uploaded(the.rig);
});

test('a curve shows what was answered while its library was loaded, a value between two unknown ones too', async () => {
  await noteLoneMinute(the.rig);
  await the.page.goto('about:blank'); // what the page before has asked is not what is held here
  const answered = the.page.waitForResponse((response) => response.url().includes('/api/history'));
  let asked = 0;
  // the answer of the next minute would draw it: it does not come
  await the.page.route(/api\/history/, async (route) => {
    asked += 1;
    if (asked === 1) await route.continue();
  });
  await the.page.route(/uplot/i, async (route) => {
    await (await answered).finished();
    await route.continue();
  });
  await the.page.goto(the.rig.address);
  await until('the curve is drawn', async () => (await inkOf(the.page)) > 0, 120_000);
});

test('the axis of a month tells days', async () => {
  await the.page.addInitScript(`
    globalThis.written = [];
    const write = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...at) {
      globalThis.written.push(text);
      return write.call(this, text, ...at);
    };`);
  const written = (): Promise<readonly string[]> =>
    the.page.evaluate<readonly string[]>('globalThis.written');
  await the.show('/?range=30d');
  await until('a day is written', async () => (await written()).some((text) => /^\d\d-\d\d$/.test(text)));
  await the.page.evaluate('globalThis.written = []');
  await the.page.setViewportSize({ width: 1300, height: 900 }); // each is drawn anew
  await until('it is drawn anew', async () => (await written()).length > 0);
  expect((await written()).filter((text) => /^\d\d:\d\d$/.test(text))).toEqual([]);
});

test('a drag over a curve, or a time in its table, narrows the curves and the lists to that time', async () => {
  await the.show('/');
  const curve = the.page.locator('.plot .u-over').first();
  await curve.waitFor();
  const curves = the.page.getByRole('img', { name: /: last / });
  await until('all curves are there', async () => (await curves.count()) === 5);
  const { width = 0 } = (await curve.boundingBox()) ?? {};
  // waits until the page above it has found its place
  await curve.dragTo(curve, {
    sourcePosition: { x: width * 0.25, y: 20 },
    targetPosition: { x: width * 0.5, y: 20 },
  });
  await until('the address has the time', () => Promise.resolve(the.page.url().includes('from=')));
  const { searchParams } = new URL(the.page.url());
  const [from = 0, to = 0] = ['from', 'to'].map((name) => Date.parse(`${searchParams.get(name)}Z`));
  expect(Math.abs(to - from - 6 * HOUR_MS)).toBeLessThan(HOUR_MS / 2);
  expect(Math.abs(Date.now() - to - 12 * HOUR_MS)).toBeLessThan(HOUR_MS);
  await the.page.getByText('None changed within this time.').waitFor();
  await the.page.getByRole('button', { name: 'Show the whole day' }).press('Enter');
  await the.page.getByText('As a table').press('Enter');
  await the.page.getByRole('table', { name: 'How it went' }).getByRole('link').first().press('Enter');
  await the.page.getByRole('heading', { name: 'Latest recordings of this time' }).waitFor();
  await the.page.getByRole('link', { name: 'Events', exact: true }).last().press('Enter');
  await the.page.getByLabel('From time, UTC').waitFor();
  expect(await violations(the.page)).toEqual([]);
  const [hourAgo, inAnHour] = [addressTime(Date.now() - HOUR_MS), addressTime(Date.now() + HOUR_MS)];
  await the.show(`/?from=${hourAgo}&to=${inAnHour}`);
  await the.page.getByRole('link', { name: 'call-0911' }).waitFor();
});

test('what is filtered is downloaded as one tar of proven recordings; one that is not what it was is named, not handed out', async () => {
  const [path = ''] = stored;
  const key = path.slice(the.rig.settings.paths.extracted.length + 1);
  const was = await the.rig.s3.bytes(key);
  await the.put(key, Buffer.alloc(was.length, 2));
  const headers = { authorization: `Bearer ${READ_ONLY}` };
  const answer = await fetch(`${the.rig.address}/api/fetch?codec=pcm&search=call-09`, { headers });
  const members = await membersOf(Buffer.from(await answer.arrayBuffer()));
  await the.put(key, was);
  const names = stored
    .filter((_, at) => at % 4 === 0 && at > 0)
    .map((one) => one.slice(the.rig.settings.paths.extracted.length + 1));
  expect([...members.keys()].toSorted()).toEqual(['UNVERIFIED.txt', ...names].toSorted());
  for (const name of names) expect(members.get(name)).toEqual(await the.rig.s3.bytes(name));
  expect(members.get('UNVERIFIED.txt')?.toString()).toContain(path);
  await the.show('/recordings?codec=pcm');
  expect(
    await the.page.getByRole('link', { name: 'Download what fits as one tar' }).getAttribute('href'),
  ).toContain('codec=pcm');
});

test('anything is found with the keyboard: Enter waits for its answer', async () => {
  await the.show('/system');
  await the.page.keyboard.type('/call-0903');
  await the.page.getByRole('option').filter({ hasText: 'call-0903' }).waitFor();
  await the.page.keyboard.press('Enter');
  await the.page.getByRole('heading', { name: 'call-0903' }).waitFor();
  expect(the.page.url()).toContain('/recordings/');
  await the.page.keyboard.type('/call-090');
  await the.page.getByRole('option').filter({ hasText: 'call-0903' }).waitFor();
  await the.page.keyboard.type('5'); // what is shown is not of this
  await the.page.keyboard.press('Enter');
  await the.page.getByRole('heading', { name: 'call-0905' }).waitFor();
});

test('who types the name of a tar is led to the tar, before what was in it', async () => {
  await the.show('/system');
  await the.page.keyboard.type('/calls-0900');
  await the.page.getByRole('option').first().filter({ hasText: 'calls-0900.tar' }).waitFor();
  await the.page.keyboard.press('Enter');
  await the.page.getByRole('heading', { name: 'Tar', exact: true }).waitFor();
});

test('what is typed after / before the console is drawn is not lost', async () => {
  const drawn = Promise.withResolvers<void>();
  await the.page.route('**/console/main.ts', async (route) => {
    await drawn.promise;
    await route.continue();
  });
  const listens = the.page.waitForResponse('**/console/find-key.ts');
  const loaded = the.page.goto(the.rig.address, { waitUntil: 'commit' });
  await (await listens).finished();
  await loaded;
  await until('the key is heard', async () => {
    await the.page.keyboard.press('Escape'); // what was asked before is not
    return the.page.evaluate(
      "!dispatchEvent(new KeyboardEvent('keydown', { key: '/', cancelable: true, bubbles: true }))",
    );
  });
  await the.page.keyboard.type('call-09x');
  await the.page.keyboard.press('Backspace');
  drawn.resolve();
  await the.page.getByRole('dialog', { name: 'Find' }).waitFor();
  await the.page.keyboard.type('07');
  await the.page.keyboard.press('Enter');
  await the.page.getByRole('heading', { name: 'call-0907' }).waitFor();
});

test('filters stand in the address and narrow the list', async () => {
  await the.show('/recordings?codec=alaw&status=SUCCESS');
  await until('they are shown', async () => (await the.page.locator('tbody tr').count()) === 3);
  await the.page.getByRole('searchbox', { name: 'Name' }).fill('call-0905');
  await until('it is narrowed', async () => (await the.page.locator('tbody tr').count()) === 1);
  expect(new URL(the.page.url()).searchParams.get('search')).toBe('call-0905');
});

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
