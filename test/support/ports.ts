import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A TCP port on loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

/** The port that a listening server got. */
export function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error(`not listening on TCP: ${address}`);
  return address.port;
}

/** Sends `request` and resolves with the first bytes of the answer. */
export async function ask(where: { port: number } | { path: string }, request: string): Promise<string> {
  const socket = connect('port' in where ? { ...where, host: '127.0.0.1' } : where);
  try {
    await once(socket, 'connect');
    socket.write(request);
    const [answer] = await once(socket, 'data');
    return String(answer);
  } finally {
    socket.destroy();
  }
}

/** Resolves once `condition` is true; what it throws counts as not yet. Rejects after `deadlineMs` with the last error. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 60_000,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  let last: unknown;
  let pauseMs = 20;
  while (performance.now() < end) {
    try {
      if (await condition()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await delay(pauseMs);
    pauseMs = Math.min(pauseMs * 1.3, 250); // to ask costs what is waited for its time: a process, a query
  }
  throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause: last });
}
