import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/ports.ts';
import { makeTar } from '../support/tars.ts';
import { makeWav } from '../support/wavs.ts';
import { ROLES, TOKEN, startCompose, type Compose } from './compose.ts';

// docker-compose.yml end to end, as an operator runs it: what is put over SFTP is in the bucket, byte for byte, whatever is killed,
// scaled, stopped and upgraded meanwhile. The image of the version before is `wavspool:previous`, this one's `wavspool:candidate`.

const TAR_RECORDINGS = 50;
const MINUTES_5 = 300_000;
/** compose gives a role 40 s, and a machine that is busy its own time on top. */
const GRACE_MS = 40_000;

let compose: Compose;
/** SHA-256 of every recording that was put, by its key. */
const put: Record<string, string> = {};
let tars = 0;

beforeAll(async () => {
  compose = await startCompose();
  await compose.docker('tag', 'wavspool:previous', 'wavspool:0.1.0');
});
afterAll(() => compose[Symbol.asyncDispose]());

/** Puts a tar of recordings that nobody has seen. */
async function land(): Promise<void> {
  tars += 1;
  const members = Array.from({ length: TAR_RECORDINGS }, (_, at) => {
    const body = Buffer.concat([
      makeWav({ codec: 'pcm16', sampleRate: 8000, channels: 1, seconds: 1, seed: tars * 1000 + at }),
      randomBytes(8),
    ]);
    return { name: `call-${tars}-${at}.wav`, body };
  });
  const local = join(compose.directory, `${tars}.tar`);
  await writeFile(local, makeTar(members));
  await compose.put(local, `${tars}.tar`);
  for (const { name, body } of members) put[name] = createHash('sha256').update(body).digest('hex');
}

/** Waits until the dashboard counts everything as stored, then reads the bucket itself. */
async function everythingIsStored(): Promise<void> {
  const wanted = Object.keys(put).length;
  await until(
    `${wanted} recordings are stored`,
    async () => {
      const { recordings } = await compose
        .status()
        .catch(() => ({ recordings: { SUCCESS: 0 } as Record<string, number> }));
      return recordings['SUCCESS'] === wanted;
    },
    MINUTES_5,
  );
  expect(await compose.stored()).toEqual(put);
}

async function exitCodes(service: string): Promise<readonly string[]> {
  const ids = await compose.containersOf(service);
  return Promise.all(ids.map((id) => compose.docker('inspect', '--format', '{{.State.ExitCode}}', id)));
}

test('the version before: up, every service healthy, and what is put over SFTP is in the bucket', async () => {
  await compose.up();
  await land();
  await everythingIsStored();
});

test('upgraded with work on its way: the volumes are kept, nothing is lost or stored twice', async () => {
  await land();
  await compose.docker('tag', 'wavspool:candidate', 'wavspool:0.1.0');
  await compose.up();
  await everythingIsStored();
});

test('the dashboard answers on the loopback address, to its token', async () => {
  expect((await fetch(`${compose.http}/healthz`)).status).toBe(200);
  expect((await fetch(`${compose.http}/api/status`)).status).toBe(401);
  const page = await fetch(compose.http, { headers: { authorization: `Bearer ${TOKEN}` } });
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('wavspool')]);
  const doctor = await compose.wavspool('upload', 'doctor');
  expect([doctor.code, doctor.output]).toEqual([0, expect.not.stringMatching(/^ *FAIL/m)]);
});

test('a role’s container is read-only, has no capability and no right but on its volumes', async () => {
  const [id = ''] = await compose.containersOf('upload');
  const shell = (command: string): Promise<string> => compose.docker('exec', id, 'sh', '-c', command);
  expect(await shell('grep CapEff /proc/1/status')).toMatch(/CapEff:\s0+$/);
  expect(await shell('id -u')).toBe('10001');
  expect(await shell('touch /opt/wavspool/x 2>&1 || true; touch /incoming/x 2>&1 || true')).toMatch(
    /Read-only[^]*Read-only/,
  );
  expect(await shell('ls node_modules/typescript 2>&1 || true')).toContain('No such file');
});

test('P1: restore sees the roles of the other containers, and puts nothing under them unasked', async () => {
  expect(await compose.wavspool('maintain', 'snapshot', 'state')).toMatchObject({ code: 0 });
  const { output } = await compose.wavspool('maintain', 'snapshots', 'list', 'state', '--json');
  const [{ path }] = (JSON.parse(output) as { rows: { path: string }[] }).rows as [{ path: string }];
  const restored = await compose.wavspool('maintain', 'restore', 'state', '--from', path);
  expect(restored).toEqual({
    code: 1,
    output: expect.stringMatching(/open in [^]*wavspool upload \(pid \d+ on [0-9a-f]+\)/),
  });
});

test.each([...ROLES, 'redis', 's3', 'sftp'])(
  'P1: %s killed with work on its way: started again, it loses nothing',
  async (service) => {
    if (service !== 'sftp') await land();
    const [id = ''] = await compose.containersOf(service);
    await compose.docker('kill', id);
    // for Docker a kill by hand is a stop, so nothing starts it but us; a process that dies by itself is restarted
    await compose.docker('start', id);
    if (service === 'sftp')
      await until(
        'SFTP answers',
        () =>
          land().then(
            () => true,
            () => false,
          ),
        MINUTES_5,
      );
    await everythingIsStored();
  },
);

test('a role that dies by itself is started again by Docker', async () => {
  const [id = ''] = await compose.containersOf('extract');
  const started = await compose.docker('inspect', '--format', '{{.State.StartedAt}}', id);
  await compose.docker('exec', id, 'sh', '-c', 'kill -9 $(pgrep -f workers/ || cat /proc/1/task/1/children)');
  await until(
    'it runs again',
    async () => {
      const now = await compose.docker('inspect', '--format', '{{.State.Running}} {{.State.StartedAt}}', id);
      return now.startsWith('true') && !now.includes(started);
    },
    MINUTES_5,
  );
  await land();
  await everythingIsStored();
});

test('three uploaders: each healthy by its own answer, and together they store everything once', async () => {
  await compose.up('--scale', 'upload=3');
  expect(await compose.containersOf('upload')).toHaveLength(3);
  for (let count = 0; count < 3; count += 1) await land();
  await everythingIsStored();
});

test('stopped with work on its way: every role ends in order within its grace, and goes on where it was', async () => {
  for (let count = 0; count < 3; count += 1) await land();
  const startedAt = performance.now();
  await compose.compose('stop');
  expect(performance.now() - startedAt).toBeLessThan(ROLES.length * GRACE_MS);
  for (const role of ROLES) expect(new Set(await exitCodes(role)), role).toEqual(new Set(['0']));
  await compose.up('--scale', 'upload=3');
  await everythingIsStored();
});
