import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { beforeAll, expect, test } from 'vitest';
import { idOf } from '../../src/web/console/rows.ts';
import { CALL, TOKEN } from '../support/console.ts';
import { consoleInBrowser } from '../support/console-browser.ts';
import { extracted, landed, uploaded } from '../support/console-scenes.ts';
import { violations } from '../support/console-page.ts';
import { makeTar } from '../support/tars.ts';
import { makeWav } from '../support/wavs.ts';

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
  await the.page.getByRole('button', { name: 'Close', exact: true }).press('Enter'); // it stays until one has read it
  await the.page.getByText('Not the same').waitFor({ state: 'detached' });
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

test('what has landed is taken now, looked for again and extracted again, and each time the page tells what became of it', async () => {
  const tar = landed(the.rig, 'late.tar');
  await writeFile(tar, makeTar([{ name: 'late.wav', body: makeWav(CALL) }]));
  await the.show('/landing');
  await the.page.getByRole('button', { name: /^Take now: .*late\.tar$/ }).press('Enter');
  await the.page.getByText('late.tar is queued for extraction').waitFor();
  await the.page.getByText('Everything that has landed is taken.').waitFor();
  await the.page.getByRole('button', { name: 'Rescan now' }).press('Enter');
  await the.page.getByText(/^1 tar on disk, 0 queued now/).waitFor();
  const { queues } = the.rig;
  const [job] = await queues.extract.bull.getJobs();
  expect(job?.data).toMatchObject({ tar });

  await the.rig.extract(tar, [{ path: extracted(the.rig, 'late.wav'), shape: CALL }], Date.now());
  await the.show(`/tars/${idOf(tar)}`);
  await the.page.getByRole('button', { name: 'Extract again' }).press('Enter');
  await the.page.getByText(/^late\.tar stays as it is: it is under way/).waitFor();
});

test('a mirror and an export are made, and the copies read back, with the keyboard', async () => {
  await the.show('/backups');
  await the.page.getByRole('button', { name: 'Run now: mirror prompts' }).press('Enter');
  await the.page.getByText('mirror prompts: done').waitFor();
  const { data } = the.rig.settings.paths;
  expect(await readFile(join(data, 'mirrors/latest/prompts/welcome.txt'), 'utf8')).toBe('welcome');
  await the.page.getByRole('button', { name: 'Run now: export state' }).press('Enter');
  await the.page.getByText('export state: done').waitFor();
  await the.page.getByRole('row').filter({ hasText: 'calls-' }).waitFor();
  await the.page.getByRole('button', { name: 'Verify the copies of state' }).press('Enter');
  await the.page.getByText(/copies read back: all sound$/).waitFor();
  expect(await violations(the.page)).toEqual([]);
});
