import { createHash } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { launchChromium, startConsole, TOKEN, type ConsoleRig } from './console.ts';
import { follow, violations } from './console-page.ts';
import { alive } from './console-scenes.ts';

/** A console and a browser that looks at it. */
export interface InBrowser {
  rig: ConsoleRig;
  browser: Browser;
  context: BrowserContext;
  page: Page;
  /** What went wrong in the page: none may be left at the end of a test. */
  faults: string[];
  /** What it asked of others. */
  foreign: string[];
  /** Opens a page that is logged in. */
  open(token: string): Promise<void>;
  /** Goes to a screen and waits until it is drawn. */
  show(path: string): Promise<void>;
  /** Goes to these screens from the one that is shown, and expects that axe finds nothing wrong with them, light and dark. */
  expectReadable(screens: readonly string[]): Promise<void>;
  /** Writes an object, over one that is there too. */
  put(key: string, body: Buffer): Promise<void>;
}

/**
 * For a file of tests: one console below a path of a reverse proxy that answers 404 to everything else, so that an address of ours that
 * forgets the path fails, and a fresh page for each test.
 */
export function consoleInBrowser(): InBrowser {
  const the = {
    faults: [] as string[],
    foreign: [] as string[],
    open: async (token: string) => {
      the.context = await the.browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin' });
      the.context.setDefaultTimeout(60_000);
      the.page = await pageOf(the, token);
    },
    show: async (path: string) => {
      await the.page.goto(the.rig.address + path);
      await the.page.locator('main .stack, main .empty').first().waitFor();
    },
    expectReadable: async (screens: readonly string[]) => {
      for (const screen of screens) {
        await follow(the.page, the.rig.address + screen);
        expect([screen, await violations(the.page)]).toEqual([screen, []]);
      }
    },
    put: async (key: string, body: Buffer) => {
      const { client, bucket } = the.rig.s3;
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
    },
  } as InBrowser;
  beforeAll(async () => {
    [the.rig, the.browser] = await Promise.all([startConsole('/tools/wavspool'), launchChromium()]);
    await alive(the.rig);
  });
  afterAll(async () => {
    await the.browser.close();
    await the.rig[Symbol.asyncDispose]();
  });
  beforeEach(() => the.open(TOKEN));
  afterEach(async () => {
    await the.context.close();
    expect(the.faults).toEqual([]);
    expect(the.foreign).toEqual([]);
  });
  return the;
}

/** A page that is logged in; what goes wrong in it, and what it asks of others, is noted. */
async function pageOf(the: InBrowser, token: string): Promise<Page> {
  const opened = await the.context.newPage();
  const { address } = the.rig;
  the.faults = [];
  the.foreign = [];
  opened.on('pageerror', (error) => the.faults.push(error.message));
  opened.on('console', (message) => {
    // a host whose networks change, as where containers start, cuts what a browser has open; the console asks again
    if (message.type() === 'error' && !message.text().includes('ERR_NETWORK_CHANGED'))
      the.faults.push(message.text());
  });
  opened.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && !`${request.url()}/`.startsWith(`${address}/`))
      the.foreign.push(request.url());
  });
  await opened.goto(`${address}/?token=${token}`);
  return opened;
}

export function sha256(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}
