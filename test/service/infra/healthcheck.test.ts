import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readlink, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const servers: Server[] = [];
let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-healthcheck-'));
});

afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await rm(directory, { recursive: true, force: true });
});

/** A role's socket that answers so, from this container or another. */
async function answers(name: string, status: number, own = true): Promise<void> {
  const pidNamespace = own ? await readlink('/proc/self/ns/pid') : 'pid:[1]';
  const server = createServer((_request, response) => {
    response.writeHead(status).end(`${JSON.stringify({ name, status, pidNamespace })}\n`);
  });
  servers.push(server);
  server.listen({ path: join(directory, name) });
  await once(server, 'listening');
}

async function healthcheck(...args: string[]): Promise<{ exitCode: number | null; stdout: string }> {
  const child = execFile(process.execPath, ['infra/healthcheck.js', ...args], {
    env: { WAVSPOOL_HEALTH: directory },
  });
  let stdout = '';
  child.stdout?.on('data', (chunk: string) => (stdout += chunk));
  await once(child, 'close');
  return { exitCode: child.exitCode, stdout };
}

test('a role that is well is healthy, with what it says', async () => {
  await answers('upload.sock', 200);

  const end = await healthcheck('upload');

  expect(end.exitCode).toBe(0);
  expect(JSON.parse(end.stdout)).toMatchObject({ name: 'upload.sock' });
});

test('a role that is not well is unhealthy, with what it says', async () => {
  await answers('extract.sock', 503);

  const end = await healthcheck('extract');

  expect(end.exitCode).toBe(1);
  expect(JSON.parse(end.stdout)).toMatchObject({ status: 503 });
});

test('of the instances of a role in several containers this one’s is asked', async () => {
  await answers('upload.sock', 503, false);
  await answers('upload.2.sock', 200);

  const end = await healthcheck('upload');

  expect(end.exitCode).toBe(0);
  expect(JSON.parse(end.stdout)).toMatchObject({ name: 'upload.2.sock' });
});

test('a role that only others run, or whose process is gone, is unhealthy', async () => {
  await answers('upload.sock', 200, false);
  expect(await healthcheck('upload')).toEqual({
    exitCode: 1,
    stdout: `no upload role of this container answers in ${directory}\n`,
  });
  expect(await healthcheck('watch')).toMatchObject({ exitCode: 1 });
});

test('where no role runs it is not healthy', async () => {
  expect(await healthcheck()).toEqual({
    exitCode: 1,
    stdout: `no role of this container answers in ${directory}\n`,
  });
});

test('without a name every role of this container is asked, and none of another', async () => {
  await answers('upload.sock', 200);
  await answers('extract.sock', 503, false);
  expect((await healthcheck()).exitCode).toBe(0);

  await answers('watch.sock', 503);
  const end = await healthcheck();
  expect(end.exitCode).toBe(1);
  expect(end.stdout).toContain('watch.sock');
});
