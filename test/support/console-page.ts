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

/** What axe finds wrong with the page. */
export async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe: loaded } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const found = await loaded.run();
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  });
}
