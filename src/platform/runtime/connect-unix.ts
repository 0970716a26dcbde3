import { closeSync, constants, openSync } from 'node:fs';
import { createConnection, Socket } from 'node:net';
import { basename, dirname } from 'node:path';

/** sun_path holds 108 bytes, the NUL among them. */
export const LONGEST_SOCKET_BYTES = 107;

/**
 * Connects to a unix socket, however long its path: one that is longer than the kernel takes is reached through a descriptor of
 * its directory. Never throws: every fault is the socket's "error", as with `net.createConnection`.
 */
export function connectUnix(path: string): Socket {
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_BYTES) return createConnection({ path });
  let directory: number;
  try {
    directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    return failedSocket(error);
  }
  const socket = createConnection({ path: `/proc/self/fd/${directory}/${basename(path)}` });
  return socket.once('connect', close).once('close', close);

  function close(): void {
    if (directory >= 0) closeSync(directory);
    directory = -1;
  }
}

/** A socket that could not be made; its "error" comes when its owner has had the time to listen. */
export function failedSocket(error: unknown): Socket {
  const socket = new Socket();
  setImmediate(() => socket.destroy(error instanceof Error ? error : new Error(String(error))));
  return socket;
}
