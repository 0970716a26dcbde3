import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { violations } from '../support/console-page.ts';
import { launchChromium } from '../support/console.ts';
import { LOOKING, startSites, TOKEN, type Sites } from '../support/sites.ts';

// The console of one site that knows three others: one of the ledger, one by its API, one that does not answer.

let sites: Sites;
let browser: Browser;
let page: Page;
let faults: string[];

beforeAll(async () => {
  [sites, browser] = await Promise.all([startSites(), launchChromium()]);
});
afterAll(async () => {
  await browser.close();
  await sites[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await open(TOKEN);
});
afterEach(async () => {
  await page.context().close();
  expect(faults).toEqual([]);
});

async function open(token: string): Promise<void> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin' });
  context.setDefaultTimeout(60_000);
  page = await context.newPage();
  faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.goto(`${sites.address}/?token=${token}`);
}

async function show(path: string): Promise<void> {
  await page.goto(sites.address + path);
  await page.locator('main .stack, main .empty').first().waitFor();
}

/** The text of each row of a table. */
async function rowsOf(caption: string): Promise<readonly string[]> {
  const rows = page.getByRole('group', { name: caption }).locator('tbody tr');
  await rows.first().waitFor();
  return rows.allInnerTexts();
}

test('the choice of the site stands in the address, and goes along to every screen', async () => {
  const choice = page.getByLabel('Site', { exact: true });
  await choice.selectOption('south');
  await page.waitForURL('**/?site=south');
  await page.getByRole('link', { name: 'Recordings', exact: true }).click();
  await page.waitForURL('**/recordings?site=south');
  expect((await rowsOf('Recordings')).join()).toMatch(/1\.wav/);
  expect(await page.title()).toContain('south');
  await page.getByRole('combobox', { name: 'State' }).selectOption('FAILED');
  await page.waitForURL(/site=south/);
  await choice.selectOption('east'); // through its own API
  await page.waitForURL(/site=east/);
  await page.getByText('1.wav').first().waitFor();
});

test('all sites at once: each with its state, their problems together, and who does not answer', async () => {
  await show('/?site=all');
  const rows = await rowsOf('Sites');
  expect(rows.map((row) => row.split(/\s/)[0])).toEqual(['east', 'north', 'south', 'west']);
  expect(rows[3]).toContain('no answer');
  await page.getByRole('region', { name: 'Problems of south' }).getByText('Remedy').first().waitFor();
  await page.getByRole('region', { name: 'Problems of west' }).getByText('could not be asked').waitFor();
  expect(await violations(page)).toEqual([]);
});

test('a list over all sites has a column for the site, and leads to the row’s own', async () => {
  await show('/recordings?site=all');
  const rows = await rowsOf('Recordings');
  expect(rows).toHaveLength(6);
  for (const site of ['east', 'north', 'south']) expect(rows.join('\n')).toContain(site);
  await page.getByText('Not every site is in this list.').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.locator('tr', { hasText: 'south' }).getByRole('link', { name: '1.wav' }).click();
  await page.waitForURL(/\/recordings\/[\w-]+\?site=south/);
  await page.getByText('only the host of the site south can tell').first().waitFor();
});

test('every screen over all sites is there, with nothing wrong for readers that see no colours', async () => {
  for (const screen of ['/failures', '/tars', '/landing', '/audit', '/backups', '/system', '/events']) {
    await show(`${screen}?site=all`);
    expect([screen, await violations(page)]).toEqual([screen, []]);
  }
});

test('an action over all sites acts on the row’s own', async () => {
  await show('/failures?site=all');
  await page
    .locator('tr', { hasText: 'south' })
    .getByRole('button', { name: /Re-queue/ })
    .first()
    .click();
  await page.getByRole('heading', { name: /at south/ }).waitFor();
  await page.getByRole('button', { name: 'Re-queue 1' }).click();
  await page.getByText('Re-queued 1 recording').waitFor();
  await using south = await sites.ledgerOf('south');
  await using north = await sites.ledgerOf('north');
  expect((await south.catalogue.counts()).FAILED).toBe(0);
  expect((await north.catalogue.counts()).FAILED).toBe(1);
});

test('who may only look is offered no action in any site', async () => {
  await page.context().close();
  await open(LOOKING);
  await show('/failures?site=all');
  await rowsOf('Failures by cause');
  expect(await page.getByRole('button', { name: /Re-queue/ }).count()).toBe(0);
});

test('what it looks like', async () => {
  const directory = join(import.meta.dirname, '../../coverage/screenshots/sites');
  await mkdir(directory, { recursive: true });
  const screens = ['/', '/failures', '/recordings', '/landing'];
  for (const [scheme, width] of [
    ['light', 1440],
    ['dark', 1440],
    ['light', 390],
  ] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    for (const screen of screens) {
      await show(`${screen}?site=all`);
      const name = `${screen === '/' ? 'now' : screen.slice(1)}-${scheme}-${width}.png`;
      await page.screenshot({ path: join(directory, name), fullPage: true });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    }
  }
});
