import { closeSync, constants, openSync } from 'node:fs';
import { once } from 'node:events';
import type { Server } from 'node:net';
import { basename, dirname } from 'node:path';
import { LONGEST_SOCKET_BYTES } from './connect-unix.ts';

/**
 * Listens on a unix socket, however long its path: one that is longer than the kernel takes is made through a descriptor of its
 * directory, as `connectUnix` reaches it. Rejects with what the system says.
 */
export async function listenUnix(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_BYTES) {
    server.listen({ path });
    await once(server, 'listening');
    return;
  }
  const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  // Node removes the socket by the name that it was given: the descriptor stays as long as it listens
  server.once('close', () => closeSync(directory));
  server.listen({ path: `/proc/self/fd/${directory}/${basename(path)}` });
  await once(server, 'listening');
}
