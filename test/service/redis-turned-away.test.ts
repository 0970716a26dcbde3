import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { impatientConnection, patientConnection } from '../../src/platform/redis/connection.ts';
import { whyTurnedAway } from '../../src/platform/redis/turned-away.ts';
import { Secret } from '../../src/platform/config/secret.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { ask, freePort, until } from '../support/ports.ts';

// A Redis in protected mode, as its own defaults make it: whoever comes over the network is told why, and is cut off.

/** An address of this host that is not the loopback one. */
const OUTSIDE = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

interface Protected extends AsyncDisposable {
  readonly settings: Parameters<typeof impatientConnection>[0];
  readonly port: number;
}

async function protectedRedis(): Promise<Protected> {
  if (OUTSIDE === undefined)
    throw new Error('this host has only its loopback address, so Redis protects nothing');
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-protected-'));
  const port = await freePort();
  const args = [
    '--port',
    String(port),
    '--bind',
    '0.0.0.0',
    '--protected-mode',
    'yes',
    '--save',
    '',
    '--dir',
    directory,
  ];
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  await until('redis-server answers', async () => (await ask({ port }, 'PING\r\n')).startsWith('+PONG'));
  return {
    port,
    settings: {
      redis: { url: new Secret(`redis://${OUTSIDE}:${port}`) },
      paths: { data: directory },
    } as unknown as Protected['settings'],
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
      await rm(directory, { recursive: true });
    },
  };
}

const SAID = expect.stringMatching(/it turns this host away: DENIED Redis is running in protected mode/);

test('a command says what a Redis in protected mode says', async () => {
  await using redis = await protectedRedis();
  await expect(impatientConnection(redis.settings)).rejects.toMatchObject({
    code: 'REDIS_UNREACHABLE',
    message: SAID,
  });
});

test('a role that waits for it reports it', async () => {
  await using redis = await protectedRedis();
  const said: string[] = [];
  const connection = patientConnection(
    redis.settings,
    (event, fields) => said.push(`${event}: ${String((fields as { err?: Error }).err?.message)}`),
    systemClock,
  );
  await until('it is reported', () => Promise.resolve(said.length > 0));
  connection.disconnect();
  expect(said[0]).toEqual(expect.stringMatching(/^redis away: it turns this host away: DENIED/));
});

test('one that takes us in, and one that is gone, say nothing of the kind', async () => {
  await using redis = await protectedRedis();
  const cut = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  expect(await whyTurnedAway({ host: '127.0.0.1', port: redis.port }, cut)).toBeUndefined();
  expect(await whyTurnedAway({ host: '127.0.0.1', port: await freePort() }, cut)).toBeUndefined();
});

test('a web server at the address is called that it is no Redis, whoever of the two is quicker', async () => {
  const server = createServer((_, response) => void response.end('<html>')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    const url = new Secret(`redis://127.0.0.1:${port}`);
    const settings = { redis: { url }, paths: { data: tmpdir() } } as unknown as Protected['settings'];
    await expect(impatientConnection(settings)).rejects.toMatchObject({
      code: 'REDIS_UNREACHABLE',
      message: `Redis does not answer at redis://127.0.0.1:${port}/0: another kind of server answers there, no Redis`,
    });
    const cut = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    expect(await whyTurnedAway({ host: '127.0.0.1', port }, cut)).toMatchObject({
      message: 'another kind of server answers there, no Redis',
    });
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
