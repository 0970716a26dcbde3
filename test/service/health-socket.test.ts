import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import type { Report } from '../../src/domain/events.ts';
import {
  answerHealth,
  askRoles,
  type Answering,
  type OwnFacts,
} from '../../src/operate/role-health/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { until } from '../support/ports.ts';

const run = promisify(execFile);
const ending: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

async function dataDirectory(below = ''): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'wavspool-health-'));
  ending.push(() => rm(root, { recursive: true, force: true }));
  const data = join(root, below);
  await mkdir(data, { recursive: true });
  return data;
}

const WELL: OwnFacts = { startedAt: Date.now(), running: true };

function answering(data: string, facts: OwnFacts = WELL, report: Report = () => undefined): Answering {
  const answering = answerHealth({ data, clock: systemClock, report }, 'upload', () => facts);
  ending.push(() => answering.close());
  return answering;
}

/** The sockets of a directory, once there are so many. */
async function sockets(data: string, count: number): Promise<readonly string[]> {
  let found: readonly string[] = [];
  await until(`${count} sockets`, async () => {
    const names = await readdir(join(data, 'health')).catch(() => []);
    found = names.filter((name) => name.endsWith('.sock')).toSorted();
    return found.length === count;
  });
  return found;
}

test('curl gets the verdict from the socket: 200 while it is alive, 503 with the reason when not', async () => {
  const facts: { -readonly [K in keyof OwnFacts]: OwnFacts[K] } = { ...WELL };
  const data = await dataDirectory();
  answering(data, facts);
  await sockets(data, 1);
  const curl = async (): Promise<string> => {
    const socket = join(data, 'health/upload.sock');
    const args = ['-s', '-w', '%{http_code}', '--unix-socket', socket, 'http://localhost/healthz'];
    return (await run('curl', args)).stdout;
  };

  expect(await curl()).toMatch(/"role":"upload".*"alive":true.*\n200$/s);
  facts.stall = { what: 'nobody takes a job', since: Date.now() };
  expect(await curl()).toMatch(/"alive":false.*nobody takes a job.*\n503$/s);
});

test('its user and its group may ask, no other user', async () => {
  const data = await dataDirectory();
  answering(data);
  await sockets(data, 1);

  await until(
    'the mode is set',
    async () => ((await stat(join(data, 'health/upload.sock'))).mode & 0o777) === 0o660,
  );
  expect((await stat(join(data, 'health'))).mode & 0o007).toBe(0);
});

test('a second instance answers beside the first; the name of one that ended is taken again', async () => {
  const data = await dataDirectory();
  const first = answering(data);
  expect(await sockets(data, 1)).toEqual(['upload.sock']);
  answering(data);
  expect(await sockets(data, 2)).toEqual(['upload.2.sock', 'upload.sock']);

  await first.close();
  expect(await sockets(data, 1)).toEqual(['upload.2.sock']);
  answering(data);
  expect(await sockets(data, 2)).toEqual(['upload.2.sock', 'upload.sock']);
  expect(await askRoles(data)).toMatchObject([{ kind: 'answered' }, { kind: 'answered' }]);
});

test('many that start at once get a socket each', async () => {
  const data = await dataDirectory();
  for (let i = 0; i < 8; i += 1) answering(data);

  await sockets(data, 8);
  await until('all answer', async () => (await askRoles(data)).length === 8);
});

test('the socket of a process that was killed is replaced, and until then counts as no role', async () => {
  const data = await dataDirectory();
  const code = `
    import { answerHealth } from ${JSON.stringify(join(import.meta.dirname, '../../src/operate/role-health/index.ts'))};
    import { systemClock } from ${JSON.stringify(join(import.meta.dirname, '../../src/platform/runtime/index.ts'))};
    answerHealth({ data: ${JSON.stringify(data)}, clock: systemClock, report: () => undefined }, 'upload',
      () => ({ startedAt: 0, running: true }));
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', code], { stdio: 'inherit' });
  await until('it answers', async () => (await askRoles(data)).length === 1);
  child.kill('SIGKILL');
  await once(child, 'exit');

  expect(await sockets(data, 1)).toEqual(['upload.sock']);
  expect(await askRoles(data)).toEqual([]);
  answering(data);
  await until('the new one answers', async () => {
    const [asked] = await askRoles(data);
    return asked?.kind === 'answered' && asked.health.pid === process.pid;
  });
  expect(await sockets(data, 1)).toEqual(['upload.sock']);
});

test('a path that is longer than the kernel takes for a socket is served all the same', async () => {
  const data = await dataDirectory(`${'long/'.repeat(30)}data`);
  const one = answering(data);
  await sockets(data, 1);

  await until('it answers', async () => (await askRoles(data)).length === 1);
  const { stdout } = await run('curl', ['-s', '--unix-socket', 'upload.sock', 'http://localhost/healthz'], {
    cwd: join(data, 'health'),
  });
  expect(JSON.parse(stdout)).toMatchObject({ role: 'upload', alive: true });
  await one.close();
  expect(await sockets(data, 0)).toEqual([]);
});

test('a socket that cannot be made is reported, and ends nothing', async () => {
  const data = await dataDirectory();
  await writeFile(join(data, 'health'), 'in the way');
  const reported: string[] = [];
  const one = answering(data, WELL, (event) => void reported.push(event));

  await until('it is reported', () => Promise.resolve(reported.length > 0));
  expect(reported).toEqual(['health not answered']);
  await one.close();
});

test('one that holds its tongue is told apart from one that is gone', async () => {
  const data = await dataDirectory();
  const mute = spawn(
    process.execPath,
    [
      '-e',
      `require('node:fs').mkdirSync(${JSON.stringify(join(data, 'health'))});
       require('node:net').createServer(() => undefined).listen(${JSON.stringify(join(data, 'health/watch.sock'))});`,
    ],
    { stdio: 'inherit' },
  );
  ending.push(async () => {
    mute.kill('SIGKILL');
  });
  await sockets(data, 1);

  expect(await askRoles(data)).toMatchObject([
    { kind: 'silent', role: 'watch', why: 'no answer within 2 s' },
  ]);
});
