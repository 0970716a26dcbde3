import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { AbstractConnector } from 'ioredis';
import { connectUnix, failedSocket, strangeDirectory } from '../runtime/index.ts';

type Connector = new (options: unknown) => AbstractConnector;

/**
 * How ioredis reaches a Redis on a unix socket, also on one whose path is longer than the kernel takes. With `isOurs`, only where
 * no other user can have put that socket: then the jobs of a stranger's Redis would be taken.
 */
export function unixConnector(path: string, isOurs: boolean): Connector {
  return class extends AbstractConnector {
    constructor(options: unknown) {
      super((options as { disconnectTimeout?: number }).disconnectTimeout ?? 0);
    }

    connect(): Promise<Socket> {
      const strange = isOurs ? strangeDirectory(dirname(path)) : undefined;
      const socket = strange === undefined ? connectUnix(path) : failedSocket(strange);
      this.connecting = true;
      this.stream = socket;
      socket.once('error', (error) => {
        this.firstError = error;
      });
      return Promise.resolve(socket);
    }
  };
}
