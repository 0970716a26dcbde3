import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A dashboard that knows one healthy role; its address. */
async function dashboard(): Promise<string> {
  const server = createServer((request, response) => {
    const well = request.url === '/healthz?role=upload';
    response.writeHead(well ? 200 : 503).end(well ? 'ok\n' : `stalled: ${request.url}\n`);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

async function healthcheck(
  url: string,
  ...args: string[]
): Promise<{ exitCode: number | null; stdout: string }> {
  const child = execFile(process.execPath, ['infra/healthcheck.js', ...args], {
    env: { WAVSPOOL_HEALTH_URL: url },
  });
  let stdout = '';
  child.stdout?.on('data', (chunk: string) => (stdout += chunk));
  await once(child, 'close');
  return { exitCode: child.exitCode, stdout };
}

test('a role that is well is healthy', async () => {
  expect(await healthcheck(await dashboard(), 'upload')).toEqual({ exitCode: 0, stdout: 'ok\n' });
});

test('a role that is not well is unhealthy, with the reason that the dashboard gives', async () => {
  const end = await healthcheck(await dashboard(), 'extract');

  expect(end).toEqual({ exitCode: 1, stdout: 'stalled: /healthz?role=extract\n' });
});

test('a dashboard that nobody runs is unhealthy, and says which address was asked and why it failed', async () => {
  const url = await dashboard();
  servers.splice(0).forEach((server) => server.close());

  const end = await healthcheck(url, 'upload');

  expect(end.exitCode).toBe(1);
  expect(end.stdout).toMatch(/the dashboard at 127\.0\.0\.1:\d+ does not answer: .*ECONNREFUSED/);
});
