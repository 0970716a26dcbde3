import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LOOKING, startSites, TOKEN, type Sites } from '../support/sites.ts';
import { runCommand, type Ended } from '../support/run-command.ts';

let sites: Sites;

beforeAll(async () => {
  sites = await startSites();
});
afterAll(async () => {
  await sites[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown> & { readonly rows: readonly Record<string, unknown>[] };
}

async function ask(path: string, body?: object, token = TOKEN): Promise<Answer> {
  const answer = await fetch(sites.address + path, {
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Answer['body'] };
}

function onNorth(...words: readonly string[]): Promise<Ended> {
  return runCommand(['--config', join(sites.directory, 'north/wavspool.yaml'), ...words]);
}

const WEST = { site: 'west', code: 'SITE_AWAY', since: expect.any(String) };

test('every site is known: those of the ledger, and those that the settings name', async () => {
  expect((await ask('/api/sites')).body).toMatchObject({
    own: 'north',
    rows: [{ site: 'east' }, { site: 'north' }, { site: 'south' }, { site: 'west' }],
  });
  expect(await ask('/api/uploads?site=soth')).toMatchObject({
    status: 400,
    body: { error: expect.stringContaining('did you mean south?') },
  });
});

test('a list of one site comes from the ledger, or from its own API', async () => {
  for (const site of ['north', 'south', 'east']) {
    const { status, body } = await ask(`/api/uploads?status=FAILED&site=${site}`);
    expect([status, body.rows.map(({ path }) => path)]).toEqual([200, [`/${site}/1.wav`]]);
  }
  expect(await ask('/api/uploads?site=west')).toMatchObject({ status: 503, body: { code: 'SITE_AWAY' } });
});

test('a list of all sites has pages, each row with its site, and names who did not answer', async () => {
  const seen: string[] = [];
  let after = '';
  for (let pages = 0; pages < 10; pages += 1) {
    const { body } = await ask(`/api/uploads?site=all&limit=2${after}`);
    expect(body['unasked']).toMatchObject([WEST]);
    seen.push(...body.rows.map(({ site, path }) => `${String(site)} ${String(path)}`));
    if (body['next'] === null) break;
    after = `&after=${body['next'] as string}`;
  }
  expect(seen.toSorted()).toEqual(
    ['east', 'north', 'south'].flatMap((site) => [`${site} /${site}/1.wav`, `${site} /${site}/2.wav`]),
  );
  const tars = await ask('/api/tars?state=all&site=all');
  expect(new Set(tars.body.rows.map(({ site }) => site))).toEqual(new Set(['east', 'north', 'south']));
  const failures = await ask('/api/failures?site=all');
  expect(failures.body.rows).toHaveLength(3);
  for (const text of ['1.wav', `s3://${sites.s3.bucket}/1.wav`])
    expect((await ask(`/api/find?text=${text}&site=all`)).body['recordings']).toHaveLength(3);
  expect((await ask('/api/find?text=s3://other/1.wav&site=all')).body['recordings']).toEqual([]);
});

test('the status of all is one of each, and of a host that is not there what the ledger knows', async () => {
  const { body } = await ask('/api/status?site=all');
  expect(body['sites']).toMatchObject([
    { site: 'east', recordings: { FAILED: 1 }, disk: expect.anything() },
    { site: 'north', recordings: { FAILED: 1 }, disk: expect.anything() },
    { site: 'south', recordings: { FAILED: 1 }, unasked: [expect.stringContaining('disks')] },
    WEST,
  ]);
  const first = (body['sites'] as { since?: string }[])[3]?.since;
  const again = (await ask('/api/status?site=all')).body['sites'] as { since?: string }[];
  expect(again[3]?.since).toBe(first); // since it was first found so
  expect(await ask('/api/status?site=west')).toMatchObject({ status: 503, body: { code: 'SITE_AWAY' } });
});

test('what lies on a host only that host tells, or its watch role’s figures with their age', async () => {
  await writeFile(sites.landed('east', 'note.txt'), 'no tar');
  expect((await ask('/api/landing?site=east')).body.rows).toMatchObject([{ reason: 'no pattern' }]);
  expect(await ask('/api/landing?site=south')).toMatchObject({ status: 503, body: { code: 'SITE_UNASKED' } });
  await using queues = await sites.queuesOf('south');
  await queues.shared.setLanding({
    incomplete: { count: 2, bytes: 9, oldestSeconds: 5, needsAttention: true },
  });
  const { body } = await ask('/api/landing?site=all');
  expect(body.rows).toMatchObject([{ site: 'east', reason: 'no pattern' }]);
  expect(body['unasked']).toMatchObject([
    { site: 'south', figures: { incomplete: { count: 2 } }, figuresAgeSeconds: expect.any(Number) },
    WEST,
  ]);
  expect(await ask('/api/backups?site=south')).toMatchObject({ status: 503, body: { code: 'SITE_UNASKED' } });
  expect((await ask('/api/backups?site=east')).status).toBe(200);
});

test('what was on a site of the ledger is told without its host: events, curves, and what is paused there', async () => {
  await using ledger = await sites.ledgerOf('south');
  const at = Math.floor(Date.now() / 60_000 - 5) * 60_000;
  const history = ledger.shared?.history('the host of south');
  const counts = { failed: 0, bytes: 1, backlog: 0, oldestSeconds: 0, freeBytes: 1 };
  await history?.noteMinutes([{ at, uploaded: 77, ...counts }]);
  const event = { at, level: 'info', event: 'role started', role: 'upload', by: undefined, fields: {} };
  await history?.noteEvents([{ ...event, id: 'one', about: undefined }]);
  await using queues = await sites.queuesOf('south');
  await queues.upload.pause();
  await ledger.shared?.pauses.set(['upload'], 'the store moves', undefined);
  expect((await ask('/api/events?site=south')).body.rows).toMatchObject([{ event: 'role started' }]);
  const every = (await ask('/api/events?site=all')).body;
  expect(every.rows).toContainEqual(expect.objectContaining({ site: 'south', event: 'role started' }));
  expect(every['unasked']).toMatchObject([WEST]);
  const bins = (await ask('/api/history?range=1h&site=south')).body.rows;
  expect(bins.map(({ uploaded }) => uploaded)).toContain(77);
  // a status is up to a second old
  await expect
    .poll(async () => (await ask('/api/status?site=south')).body['queues'])
    .toMatchObject({ upload: { reason: 'the store moves' } });
  await queues.upload.resume();
  await ledger.shared?.pauses.remove(['upload']);
  const stream = await fetch(`${sites.address}/api/events?site=south`, {
    headers: { authorization: `Bearer ${TOKEN}`, accept: 'text/event-stream' },
  });
  expect([stream.status, await stream.json()]).toMatchObject([503, { code: 'SITE_UNASKED' }]);
});

test('a recording of another site is shown and heard', async () => {
  await using ledger = await sites.ledgerOf('south');
  const Body = Buffer.from('RIFF and what follows');
  await sites.s3.client.send(new PutObjectCommand({ Bucket: sites.s3.bucket, Key: 'south/2.wav', Body }));
  await ledger.recordings.stored('/south/2.wav', {
    key: 'south/2.wav',
    size: Body.length,
    sha256: 'x',
    etag: 'e',
    versionId: undefined,
  });
  const [row] = (await ask('/api/uploads?search=2.wav&site=south')).body.rows;
  const id = String(row?.['id']);
  expect((await ask(`/api/recordings/${id}?site=south`)).body).toMatchObject({
    path: '/south/2.wav',
    onDisk: { error: expect.stringContaining('only the host') },
  });
  const content = await fetch(`${sites.address}/api/recordings/${id}/content?site=south`, {
    headers: { authorization: `Bearer ${TOKEN}`, range: 'bytes=0-3' },
  });
  expect([content.status, await content.text()]).toEqual([206, 'RIFF']);
});

test('the read-only token sees every site and changes none', async () => {
  expect((await ask('/api/uploads?site=south', undefined, LOOKING)).status).toBe(200);
  expect((await ask('/api/uploads?site=east', undefined, LOOKING)).status).toBe(200);
  for (const site of ['south', 'east', 'all'])
    expect(await ask(`/api/uploads/requeue?site=${site}`, { all: true }, LOOKING)).toMatchObject({
      status: 403,
      body: { code: 'READ_ONLY' },
    });
  expect((await fetch(`${sites.address}/api/uploads?site=south`)).status).toBe(401);
});

test('the command chooses among the failures of a site that is in no ledger', async () => {
  const failed = await onNorth('failed', '--site', 'east', '--match', 'gone', '--tar', 'east.tar', '--json');
  expect(JSON.parse(failed.stdout)).toMatchObject({ rows: [{ path: '/east/1.wav' }], total: 1 });
  const others = await onNorth('failed', '--site', 'east', '--match', 'refused', '--json');
  expect([others.code, JSON.parse(others.stdout)]).toMatchObject([0, { rows: [], total: 0 }]);
});

test('a re-queue is of the site that is named, or of all', async () => {
  expect((await ask('/api/uploads/requeue?site=south', { all: true, dryRun: true })).body).toMatchObject({
    recordings: 1,
  });
  expect((await ask('/api/uploads/requeue?site=east', { paths: ['/east/1.wav'] })).body).toMatchObject({
    recordings: 1,
  });
  const { body } = await ask('/api/uploads/requeue?site=all', { all: true });
  expect(body['sites']).toMatchObject([
    { site: 'east', recordings: 0 },
    { site: 'north', recordings: 1 },
    { site: 'south', recordings: 1 },
    WEST,
  ]);
  await using queues = await sites.queuesOf('south');
  expect(await queues.extract.bull.getJobs(['waiting', 'prioritized'])).toMatchObject([
    { data: { tar: '/in/south.tar' } },
  ]);
});

test('what is asked of one site only is refused for all', async () => {
  expect(await ask('/api/pause?site=all', { reason: 'no' })).toMatchObject({ status: 400 });
  expect(await ask('/api/ingest?site=south', { tars: ['/in/south.tar'] })).toMatchObject({
    status: 503,
    body: { code: 'SITE_UNASKED' },
  });
});

test('an audit of a site of the ledger says what it could not look at', async () => {
  const { body } = await ask('/api/audit?site=south', { wait: true });
  expect(body).toMatchObject({ unasked: [expect.stringContaining('south')], open: { pending: 1 } });
});

test('the commands ask the API of a site that is in no ledger', async () => {
  const status = await onNorth('status', '--site', 'east', '--json');
  expect(JSON.parse(status.stdout)).toMatchObject({ site: 'east', disk: expect.anything() });
  const all = await onNorth('status', '--site', 'all', '--json');
  expect(all.code).toBe(3); // west did not answer
  expect(JSON.parse(all.stdout)).toMatchObject({
    sites: [{ site: 'east' }, { site: 'north' }, { site: 'south' }, { site: 'west', code: 'SITE_AWAY' }],
  });
  const landing = await onNorth('landing', '--site', 'east');
  expect(landing.stdout).toContain('note.txt');
  expect(await onNorth('landing', '--site', 'west')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('does not answer'),
  });
  expect((await onNorth('requeue', '--all', '--site', 'east', '--json')).code).toBe(0);
  const audit = await onNorth('audit', '--site', 'east', '--json');
  expect(JSON.parse(audit.stdout)).toMatchObject({ open: { pending: 2 } });
});

test('a site that stops is told as away since then', async () => {
  expect((await ask('/api/status?site=east')).status).toBe(200);
  await sites.stopEast();
  const { body } = await ask('/api/uploads?site=all');
  expect(body['unasked']).toMatchObject([{ site: 'east', code: 'SITE_AWAY' }, WEST]);
});
