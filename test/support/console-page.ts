import axe from 'axe-core';
import type { Page } from 'playwright-core';

const INK = `(() => {
  const canvas = document.querySelector('.plot canvas');
  if (canvas === null) return 0;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let coloured = 0;
  for (let at = 0; at < data.length; at += 4) {
    const pixel = [...data.slice(at, at + 3)];
    if (data[at + 3] !== 0 && Math.max(...pixel) - Math.min(...pixel) > 60) coloured += 1;
  }
  return coloured;
})()`;

/** How many pixels of the page's first curve have a colour: its axes are grey. */
export async function inkOf(page: Page): Promise<number> {
  return Number(await page.evaluate(INK));
}

/** What axe finds wrong with the page as it is drawn now; `dark` too. */
export async function violations(page: Page): Promise<readonly string[]> {
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(axe.source);
  const light = await found(page, undefined);
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await found(page, ['color-contrast']); // what else there is does not depend on the scheme
  await page.emulateMedia({ colorScheme: 'light' });
  return [...light, ...dark.map((one) => `dark: ${one}`)];
}

async function found(page: Page, runOnly: readonly string[] | undefined): Promise<readonly string[]> {
  return page.evaluate(async (rules) => {
    const { axe: loaded } = globalThis as unknown as {
      axe: { run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations: all } = await loaded.run({
      resultTypes: ['violations'],
      ...(rules !== undefined && { runOnly: rules }),
    });
    return all.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  }, runOnly);
}

/** Goes to a screen from the one that is shown, as a link does, and waits until what it asked for is drawn. */
export async function follow(page: Page, address: string): Promise<void> {
  await page.evaluate(`(() => {
    const link = document.createElement('a');
    link.href = ${JSON.stringify(address)};
    document.body.append(link);
    link.click();
    link.remove();
  })()`);
  await page.locator('main .stack, main .empty').first().waitFor();
  await page.locator('main [aria-busy="true"]').first().waitFor({ state: 'detached' });
}

/** The tables that one has to scroll sideways, and the way to this screen where its link is cut off. */
export async function beyondEdge(page: Page): Promise<readonly string[]> {
  return page.evaluate<readonly string[]>(`(() => {
    const cut = [...document.querySelectorAll('main .scroll')].filter((table) => table.scrollWidth > table.clientWidth + 1);
    const here = document.querySelector('nav [aria-current]');
    const isCut = here !== null && here.getBoundingClientRect().right > innerWidth;
    return [
      ...cut.map((table) => table.ariaLabel + ': ' + table.scrollWidth + ' of ' + table.clientWidth),
      ...(isCut ? ['the link to this screen'] : []),
    ];
  })()`);
}
