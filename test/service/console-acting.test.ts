import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { beforeAll, expect, test } from 'vitest';
import { idOf } from '../../src/web/console/rows.ts';
import { TOKEN } from '../support/console.ts';
import { consoleInBrowser } from '../support/console-browser.ts';
import { uploaded } from '../support/console-scenes.ts';
import { violations } from '../support/console-page.ts';

// What an operator does in a real browser, with the keyboard only.

const the = consoleInBrowser();
let stored: readonly string[];
beforeAll(async () => {
  stored = await uploaded(the.rig);
});

test('an object that is no longer what was stored is told', async () => {
  const [path = ''] = stored;
  const key = path.slice(the.rig.settings.paths.extracted.length + 1);
  const was = await the.rig.s3.bytes(key);
  await the.put(key, Buffer.alloc(was.length, 1));
  await the.show(`/recordings/${idOf(path)}`);
  await the.page.getByRole('button', { name: 'Verify now' }).press('Enter');
  await the.page.getByText('Not the same').waitFor();
  await the.put(key, was);
});

test('an audit is begun with the keyboard, tells how far it is, and names an object that is gone', async () => {
  const [, , path = ''] = stored;
  const key = path.slice(the.rig.settings.paths.extracted.length + 1);
  const was = await the.rig.s3.bytes(key);
  await the.rig.s3.client.send(new DeleteObjectCommand({ Bucket: the.rig.s3.bucket, Key: key }));
  await the.show('/audit');
  await the.page.getByRole('button', { name: 'Begin' }).press('Enter');
  const run = the.page.getByRole('region', { name: 'Audit', exact: true });
  await run.getByRole('heading', { name: 'The last audit' }).waitFor();
  await run
    .getByRole('row')
    .filter({ hasText: 'missing' })
    .getByRole('link', { name: 'call-0902' })
    .waitFor();
  await run.getByText(/^\d+ findings? in \d+ recordings/).waitFor();
  expect(await violations(the.page)).toEqual([]);
  expect(the.rig.reported.filter((line) => line.startsWith('audit finished'))).toHaveLength(1);
  await the.put(key, was);
});

test('a snapshot is taken, and restored as a test, from the page; drain says when nothing is in flight', async () => {
  await the.show('/backups');
  await the.page.getByRole('button', { name: 'Run now: snapshot state' }).press('Enter');
  await the.page.getByRole('button', { name: /^Restore test/ }).press('Enter');
  await the.page.getByText(/^Restored to a scratch file in .*: sound$/).waitFor();
  expect(the.rig.reported.filter((line) => line.startsWith('restore tested'))).toHaveLength(1);
  await the.show('/system');
  await the.page.getByRole('button', { name: 'Drain …' }).press('Enter');
  await the.page.getByLabel('Reason').fill('a new kernel');
  await the.page.keyboard.press('Enter');
  await the.page.getByText('Drained: nothing is in flight.').waitFor();
  expect(await the.rig.queues.upload.isPaused()).toBe(true);
  await fetch(`${the.rig.address}/api/resume`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}` },
  });
});
